"""`make soak`: edits products through Kafka while everything around the function fails, and balances the books.

    shop -> Kafka -> KafkaSource stand-in -> balancer -> two functions -> gates -> Bedrock stand-in, DynamoDB, shop

The gates are where faults happen and where calls are counted: on the other side of the function's wire.
"""
