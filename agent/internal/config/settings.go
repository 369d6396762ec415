package config

import (
	"encoding/json"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// settings turns a body into a JSON object. An attribute becomes a member, a block becomes an object, a
// block with labels one object inside another for each label.
func (s *section) settings() json.RawMessage {
	encoded, err := json.Marshal(s.object())
	if err != nil {
		s.problems.add(position{file: s.file}, "", "The settings in %s are not JSON: %v.", s.title, err)
		return nil
	}
	return encoded
}

func (s *section) object() map[string]any {
	out := map[string]any{}
	for name, attribute := range s.body.Attributes {
		value, diagnostics := attribute.Expr.Value(nil)
		if diagnostics.HasErrors() {
			s.addDiagnostics(diagnostics)
			continue
		}
		encoded, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			s.problems.add(s.at(attribute.SrcRange), "", "The value of %q cannot be written as JSON.", name)
			continue
		}
		out[name] = json.RawMessage(encoded)
	}
	for _, block := range s.body.Blocks {
		s.member(out, block)
	}
	return out
}

// member puts the object of a block where its type and labels say.
func (s *section) member(out map[string]any, block *hclsyntax.Block) {
	keys := append([]string{block.Type}, block.Labels...)
	for _, key := range keys[:len(keys)-1] {
		inner, ok := out[key].(map[string]any)
		if out[key] != nil && !ok {
			s.problems.add(s.at(block.TypeRange), "Give one of them another name.", "%q is a value and a block.", key)
			return
		}
		if inner == nil {
			inner = map[string]any{}
			out[key] = inner
		}
		out = inner
	}
	last := keys[len(keys)-1]
	if _, taken := out[last]; taken {
		s.problems.add(s.at(block.TypeRange), "Write one list: "+block.Type+" = [{ … }, { … }].",
			"%q appears twice.", strings.Join(keys, " "))
		return
	}
	out[last] = s.enter(block, block.Type, strings.Join(keys, ".")).object()
}
