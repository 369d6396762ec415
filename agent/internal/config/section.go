package config

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// section reads one body of the file. Each method names a key that may be there; done then knows
// which keys should not.
type section struct {
	problems *collector
	origins  map[string]position
	title    string // `plugin "x" launch`, for messages; "" at the top
	path     string // `plugin.x.launch.`, for origins
	body     *hclsyntax.Body
	file     string
	known    []string
}

func (s *section) at(r hcl.Range) position {
	return position{file: s.file, line: r.Start.Line, column: r.Start.Column}
}

// value evaluates an attribute. It reports false when the attribute is absent or cannot be evaluated.
func (s *section) value(key string) (cty.Value, position, bool) {
	s.known = append(s.known, key)
	attribute := s.body.Attributes[key]
	if attribute == nil {
		s.refuseBlock(key)
		return cty.NilVal, position{}, false
	}
	at := s.at(attribute.SrcRange)
	s.origins[s.path+key] = at
	value, diagnostics := attribute.Expr.Value(nil)
	if diagnostics.HasErrors() {
		s.addDiagnostics(diagnostics)
		return cty.NilVal, at, false
	}
	return value, at, true
}

// refuseBlock reports a block where a value belongs.
func (s *section) refuseBlock(key string) {
	for _, block := range s.body.Blocks {
		if block.Type == key {
			s.problems.add(s.at(block.TypeRange), "Write "+key+" = …", "%q is a value, not a block.", key)
		}
	}
}

// text reads a string.
func (s *section) text(key string, into *string) {
	if value, at, ok := s.value(key); ok && s.is(value, cty.String, key, at) {
		*into = value.AsString()
	}
}

// flag reads a boolean.
func (s *section) flag(key string, into *bool) {
	if value, at, ok := s.value(key); ok && s.is(value, cty.Bool, key, at) {
		*into = value.True()
	}
}

// number reads a whole number.
func (s *section) number(key string, into *int) {
	value, at, ok := s.value(key)
	if !ok || !s.is(value, cty.Number, key, at) {
		return
	}
	n, accuracy := value.AsBigFloat().Int64()
	if accuracy != 0 || int64(int(n)) != n {
		s.problems.add(at, "", "%q must be a whole number.", key)
		return
	}
	*into = int(n)
}

// duration reads a string such as "90s", "20m" or "30d".
func (s *section) duration(key string, into *time.Duration) {
	var text string
	problems := len(s.problems.problems)
	s.text(key, &text)
	if s.body.Attributes[key] == nil || len(s.problems.problems) > problems {
		return
	}
	d, err := parseDuration(text)
	if err != nil {
		s.problems.add(s.origins[s.path+key], `Write a number with a unit, for example "90s", "20m", "12h" or "30d".`,
			"%q = %q is not a duration.", key, text)
		return
	}
	*into = d
}

// timeOfDay reads a time such as "04:30" as the time since midnight; "never" is negative.
func (s *section) timeOfDay(key string, into *time.Duration) {
	var text string
	problems := len(s.problems.problems)
	s.text(key, &text)
	if s.body.Attributes[key] == nil || len(s.problems.problems) > problems {
		return
	}
	if text == "never" {
		*into = -1
		return
	}
	at, err := time.Parse("15:04", text)
	if err != nil {
		s.problems.add(s.origins[s.path+key], `Write hours and minutes, for example "04:30", or "never".`, "%q = %q is not a time of day.", key, text)
		return
	}
	*into = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
}

// list reads a list of strings.
func (s *section) list(key string, into *[]string) {
	value, at, ok := s.value(key)
	if !ok {
		return
	}
	if value.IsNull() || !value.Type().IsTupleType() {
		s.wrongType(key, "a list of strings", value, at)
		return
	}
	out := []string{}
	for _, element := range value.AsValueSlice() {
		if element.IsNull() || element.Type() != cty.String {
			s.wrongType("an element of "+key, "a string", element, at)
			return
		}
		out = append(out, element.AsString())
	}
	*into = out
}

// texts reads an object of strings.
func (s *section) texts(key string, into *map[string]string) {
	value, at, ok := s.value(key)
	if !ok {
		return
	}
	if value.IsNull() || !value.Type().IsObjectType() {
		s.wrongType(key, "an object of strings", value, at)
		return
	}
	out := map[string]string{}
	for name, element := range value.AsValueMap() {
		if element.IsNull() || element.Type() != cty.String {
			s.wrongType(key+"."+name, "a string", element, at)
			return
		}
		out[name] = element.AsString()
	}
	*into = out
}

// block hands the body of a block without labels to read, if it is there.
func (s *section) block(key string, read func(*section)) {
	var first *hclsyntax.Block
	for _, block := range s.take(key, 0) {
		if first != nil {
			s.problems.add(s.at(block.TypeRange), "Put everything into one block.",
				"%q is there already, in line %d.", key, first.TypeRange.Start.Line)
			continue
		}
		first = block
		read(s.enter(block, key, key))
	}
}

// blocks hands each block with one label to read.
func (s *section) blocks(key string, read func(s *section, label string)) {
	for _, block := range s.take(key, 1) {
		label := block.Labels[0]
		read(s.enter(block, key+` "`+label+`"`, key+"."+label), label)
	}
}

// take returns the blocks of a type that have the right number of labels.
func (s *section) take(key string, labels int) []*hclsyntax.Block {
	s.known = append(s.known, key)
	if attribute := s.body.Attributes[key]; attribute != nil {
		s.problems.add(s.at(attribute.SrcRange), "Write "+key+" { … } without the \"=\".", "%q is a block, not a value.", key)
	}
	var out []*hclsyntax.Block
	for _, block := range s.body.Blocks {
		if block.Type != key {
			continue
		}
		if len(block.Labels) == labels {
			out = append(out, block)
			continue
		}
		if labels == 0 {
			s.problems.add(s.at(block.TypeRange), "Write "+key+" { … }.", "A %s block has no name.", key)
		} else {
			s.problems.add(s.at(block.TypeRange), "Write "+key+` "NAME" { … }.`, "A %s block has one name.", key)
		}
	}
	return out
}

func (s *section) enter(block *hclsyntax.Block, title, path string) *section {
	if s.title != "" {
		title = s.title + " " + title
	}
	inner := &section{
		problems: s.problems, origins: s.origins, file: s.file,
		title: title, path: s.path + path + ".", body: block.Body,
	}
	s.origins[s.path+path] = s.at(block.TypeRange)
	return inner
}

// done reports everything in the body that no method asked for.
func (s *section) done() {
	where := "here"
	if s.title != "" {
		where = "in " + s.title
	}
	unknown := func(name string, r hcl.Range) {
		if !slices.Contains(s.known, name) {
			s.problems.add(s.at(r), suggest(name, s.known), "There is no key %q %s.", name, where)
		}
	}
	for name, attribute := range s.body.Attributes {
		unknown(name, attribute.NameRange)
	}
	for _, block := range s.body.Blocks {
		unknown(block.Type, block.TypeRange)
	}
}
