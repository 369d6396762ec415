"""A small check of settings against a JSON Schema, with a pointer to each mistake."""

import collections
import json

Finding = collections.namedtuple("Finding", "code summary detail pointer")

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def check(schema, document):
    """Returns what is wrong with a JSON document (bytes), in the order of the schema."""
    try:
        value = json.loads(document) if document.strip() else {}
    except ValueError as error:
        return [Finding("schema.syntax", "The settings are not valid JSON.", str(error), "")]
    return list(walk(schema, value, ""))


def walk(schema, value, pointer):
    wanted = schema.get("type")
    if wanted and (not isinstance(value, TYPES[wanted]) or isinstance(value, bool) != (wanted == "boolean")):
        yield Finding("schema.type", "%s must be of the type %s." % (subject(pointer), wanted), "Change the value.", pointer)
        return
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield Finding("schema.required", 'The setting "%s" is missing.' % name, "Add it: %s." % properties[name].get("description", ""), pointer + "/" + escape(name))
        for name in sorted(value):
            if name in properties:
                yield from walk(properties[name], value[name], pointer + "/" + escape(name))
            elif schema.get("additionalProperties") is False:
                yield Finding("schema.unknown", 'There is no setting "%s".' % name, "Settings are: %s." % ", ".join(properties), pointer + "/" + escape(name))
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield Finding("schema.length", "%s needs at least %d entries." % (subject(pointer), schema["minItems"]), "Add entries.", pointer)
        for i, item in enumerate(value):
            yield from walk(schema.get("items", {}), item, "%s/%d" % (pointer, i))
    elif "minimum" in schema and value < schema["minimum"]:
        yield Finding("schema.minimum", "%s must be at least %s." % (subject(pointer), schema["minimum"]), "Use a larger number.", pointer)


def subject(pointer):
    return 'The setting "%s"' % pointer[1:] if pointer else "The settings"


def escape(name):
    return name.replace("~", "~0").replace("/", "~1")
