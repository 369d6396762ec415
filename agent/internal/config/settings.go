package config

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
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
		encoded, err := encode(value)
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

// maxExponent bounds numbers, in powers of two. HCL's have no bound, and writing 1e10000000 in full
// takes seconds and megabytes.
const maxExponent = 4096

var errNumber = errors.New("a number is too large")

func encode(value cty.Value) ([]byte, error) {
	err := cty.Walk(value, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.Number && v.IsKnown() && !v.IsNull() {
			if exponent := v.AsBigFloat().MantExp(nil); exponent > maxExponent || exponent < -maxExponent {
				return false, errNumber
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return ctyjson.Marshal(value, value.Type())
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
