"""What Bedrock and Claude refuse in a well-shaped Converse request; its messages are the matter of conversation.

The messages are the service's own where they are known, so that what greps for them is exercised.
"""

import re
from collections.abc import Mapping
from typing import Any

import jsonschema

from workbench.sandbox.bedrock.conversation import check_conversation
from workbench.sandbox.bedrock.models import Model
from workbench.sandbox.bedrock.wire import invalid

_FROM_MODEL = "The model returned the following errors: "
_EXTRA_INPUTS = _FROM_MODEL + "output_config.format: Extra inputs are not permitted"
_CLAUDE_FIELDS = {"anthropic_beta", "output_config", "temperature", "thinking", "tool_choice", "top_k", "top_p"}
_PROPERTY_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def check(request: Mapping[str, Any], model: Model) -> None:
    """Raises Refused with what the service would say first."""
    _account(request)
    check_conversation(request, model)
    _parameters(request, model)
    _thinking(request, model)
    _structured(request)
    _tools(request)
    _forcing(request, model)


def extra_fields(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The free `additionalModelRequestFields` as an object."""
    fields = request.get("additionalModelRequestFields", {})
    if not isinstance(fields, dict):
        raise invalid("Malformed input request: additionalModelRequestFields must be an object.")
    for key in ("thinking", "output_config"):
        if not isinstance(fields.get(key, {}), dict):
            raise invalid(f"{_FROM_MODEL}{key}: Input should be an object")
    return fields


def thinking_disabled(request: Mapping[str, Any], model: Model) -> bool:
    """Whether the model answers this request without thinking first."""
    thinking = extra_fields(request).get("thinking")
    return model.thinking == "off" if thinking is None else thinking.get("type") == "disabled"


def _account(request: Mapping[str, Any]) -> None:
    if request.get("guardrailConfig"):
        raise invalid("The guardrail identifier or version provided in the request does not exist.")
    if request.get("promptVariables"):
        raise invalid("promptVariables needs the ARN of a prompt as modelId.")


def _parameters(request: Mapping[str, Any], model: Model) -> None:
    config, fields = request.get("inferenceConfig", {}), extra_fields(request)
    for key in fields:
        if key not in _CLAUDE_FIELDS:
            raise invalid(f"{_FROM_MODEL}{key}: Extra inputs are not permitted")
    sampling = {"temperature": "temperature", "topP": "top_p", "topK": "top_k", "top_p": "top_p", "top_k": "top_k"}
    used = {sampling[key] for key in (*config, *fields) if key in sampling}
    if used and not model.sampling:
        raise invalid(f"{_FROM_MODEL}`{min(used)}` is deprecated for this model.")
    if {"temperature", "top_p"} <= used:
        raise invalid(
            f"{_FROM_MODEL}`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        )
    if config.get("maxTokens", 0) > model.max_output:
        raise invalid(
            f"{_FROM_MODEL}max_tokens: {config['maxTokens']} > {model.max_output}, which is the maximum allowed number "
            "of output tokens for this model"
        )


def _thinking(request: Mapping[str, Any], model: Model) -> None:
    thinking = extra_fields(request).get("thinking", {})
    kind = thinking.get("type")
    if thinking and kind not in {"enabled", "disabled", "adaptive"}:
        raise invalid(_FROM_MODEL + "thinking: Input tag should be 'adaptive', 'disabled' or 'enabled'")
    if not model.budget and ("budget_tokens" in thinking or kind == "enabled"):
        raise invalid(
            _FROM_MODEL + '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if model.thinking == "always" and kind == "disabled":
        raise invalid(_FROM_MODEL + '"thinking.type.disabled" is not supported for this model.')
    if kind == "enabled" and thinking.get("budget_tokens", 0) < 1024:
        raise invalid(_FROM_MODEL + "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    effort = _effort(request)
    if effort is not None and effort not in model.efforts:
        raise invalid(_FROM_MODEL + f"output_config.effort: '{effort}' is not supported for this model.")
    if effort in {"xhigh", "max"} and kind == "disabled":
        raise invalid(_FROM_MODEL + "Use effort high or below, or enable thinking to use higher effort levels.")


def _effort(request: Mapping[str, Any]) -> object:
    native = extra_fields(request).get("output_config", {})
    return request.get("outputConfig", {}).get("effort") or native.get("effort")


def _structured(request: Mapping[str, Any]) -> None:
    native = extra_fields(request).get("output_config", {})
    tools = request.get("toolConfig", {}).get("tools", [])
    if (
        "textFormat" in request.get("outputConfig", {})
        or "format" in native
        or any("strict" in tool.get("toolSpec", {}) for tool in tools)
    ):
        raise invalid(_EXTRA_INPUTS)


def _tools(request: Mapping[str, Any]) -> None:
    specs = [tool["toolSpec"] for tool in request.get("toolConfig", {}).get("tools", []) if "toolSpec" in tool]
    names = [spec["name"] for spec in specs]
    if len(set(names)) < len(names):
        raise invalid(_FROM_MODEL + "tools: Tool names must be unique.")
    for index, spec in enumerate(specs):
        schema, place = spec["inputSchema"]["json"], f"tools.{index}.custom.input_schema"
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise invalid(f"{_FROM_MODEL}{place}.type: Input should be 'object'")
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError:
            raise invalid(
                f"{_FROM_MODEL}{place}: JSON schema is invalid. It must match JSON Schema draft 2020-12"
            ) from None
        # Anthropic's rule: Korean property names are refused, so labels and attribute keys are ASCII.
        if not all(_PROPERTY_KEY.fullmatch(key) for key in schema.get("properties", {})):
            raise invalid(
                f"{_FROM_MODEL}{place}.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'"
            )


def _forcing(request: Mapping[str, Any], model: Model) -> None:
    choice = request.get("toolConfig", {}).get("toolChoice", {"auto": {}})
    if "auto" in choice:
        return
    names = [tool["toolSpec"]["name"] for tool in request["toolConfig"]["tools"] if "toolSpec" in tool]
    if "tool" in choice and choice["tool"]["name"] not in names:
        raise invalid(f"{_FROM_MODEL}tool_choice: Tool '{choice['tool']['name']}' not found in provided tools")
    if model.forcing == "no":
        raise invalid(_FROM_MODEL + "tool_choice: forced tool use is not supported for this model. Use 'auto'.")
    if not thinking_disabled(request, model):
        raise invalid(_FROM_MODEL + "Thinking may not be enabled when tool_choice forces tool use.")
