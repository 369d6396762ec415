package config

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// WriteSettings returns settings of a plugin, a JSON object, as the block that the configuration takes: objects become blocks,
// everything else an attribute. Read again, it gives the same object.
func WriteSettings(document json.RawMessage) (string, error) {
	file := hclwrite.NewEmptyFile()
	if err := writeObject(file.Body().AppendNewBlock("settings", nil).Body(), document); err != nil {
		return "", fmt.Errorf("write settings: %w", err)
	}
	return string(file.Bytes()), nil
}

// writeObject writes members in the order of their names; names that are no words of HCL go into the object as a whole.
func writeObject(body *hclwrite.Body, document json.RawMessage) error {
	value, err := parseJSON(document)
	if err != nil {
		return err
	}
	for it := value.ElementIterator(); it.Next(); {
		name, member := it.Element()
		if !hclsyntax.ValidIdentifier(name.AsString()) {
			return fmt.Errorf("%q is no name of a setting", name.AsString())
		}
		if member.Type().IsObjectType() && words(member) && member.LengthInt() > 0 {
			inner, err := ctyjson.Marshal(member, member.Type())
			if err == nil {
				err = writeObject(body.AppendNewBlock(name.AsString(), nil).Body(), inner)
			}
			if err != nil {
				return err
			}
			continue
		}
		body.SetAttributeValue(name.AsString(), member)
	}
	return nil
}

func parseJSON(document json.RawMessage) (cty.Value, error) {
	kind, err := ctyjson.ImpliedType(document)
	if err != nil {
		return cty.NilVal, err
	}
	if !kind.IsObjectType() {
		return cty.NilVal, fmt.Errorf("a document of settings is an object, not %s", kind.FriendlyName())
	}
	return ctyjson.Unmarshal(document, kind)
}

// words tells whether all names of an object are words of HCL.
func words(object cty.Value) bool {
	for it := object.ElementIterator(); it.Next(); {
		if name, _ := it.Element(); !hclsyntax.ValidIdentifier(name.AsString()) {
			return false
		}
	}
	return true
}
