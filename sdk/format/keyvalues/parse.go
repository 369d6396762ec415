package keyvalues

// parser builds the tree. stack[0] is the document; tokens are read with one or two in advance.
type parser struct {
	doc     *Document
	scan    *scanner
	ahead   []token
	stack   []*Node
	nodes   int
	skipped int // open braces that were too deep and are left out
}

func parse(data []byte, escapes bool) *Document {
	doc := &Document{}
	text, note := decode(data)
	if note != "" {
		doc.problem(1, "%s", note)
	}
	p := &parser{doc: doc, scan: &scanner{text: text, line: 1, escapes: escapes, out: doc}, stack: []*Node{&doc.Node}}
	p.run()
	doc.Block = true
	return doc
}

// peek returns the token after skip others; false if there is none.
func (p *parser) peek(skip int) (token, bool) {
	for len(p.ahead) <= skip {
		next, ok := p.scan.next()
		if !ok {
			return token{}, false
		}
		p.ahead = append(p.ahead, next)
	}
	return p.ahead[skip], true
}

func (p *parser) take() token {
	first := p.ahead[0]
	p.ahead = p.ahead[1:]
	return first
}

func (p *parser) top() *Node { return p.stack[len(p.stack)-1] }

func (p *parser) run() {
	line := 1
	for {
		if _, ok := p.peek(0); !ok {
			break
		}
		next := p.take()
		line = next.end
		if p.nodes >= MaxNodes {
			p.doc.problem(next.line, "more than %d entries; the rest was left out", MaxNodes)
			return
		}
		switch next.kind {
		case tokenText:
			p.entry(next)
		case tokenOpen:
			p.doc.problem(next.line, "a brace opens without a key before it")
			p.open(p.add(&Node{Line: next.line}), next.line)
		case tokenClose:
			p.close(next.line)
		case tokenCondition:
			p.doc.problem(next.line, "a condition stands without a key")
		}
	}
	if n := len(p.stack) - 1 + p.skipped; n > 0 {
		p.doc.problem(line, "%d closing braces are missing at the end of the file", n)
	}
}

// entry reads what belongs to a key.
func (p *parser) entry(key token) {
	node := p.add(&Node{Key: key.text, Line: key.line})
	p.condition(node)
	next, ok := p.peek(0)
	switch {
	case ok && next.kind == tokenOpen:
		p.take()
		p.open(node, next.line)
	case ok && next.kind == tokenText && p.isValue(key, next):
		p.take()
		node.Value = next.text
		p.condition(node)
	default:
		p.doc.problem(key.line, "%q has no value", key.text)
	}
}

// isValue reports whether next is the value of key. On the same line it is. On a later line it is, unless
// that line goes on as an entry of its own.
func (p *parser) isValue(key, next token) bool {
	if next.line == key.end {
		return true
	}
	after, ok := p.peek(1)
	switch {
	case !ok:
		return true
	case after.kind == tokenOpen:
		return false
	case after.kind == tokenText && after.line == next.end:
		return false
	}
	return true
}

// condition takes a condition that follows on the same line or before a brace.
func (p *parser) condition(node *Node) {
	if next, ok := p.peek(0); ok && next.kind == tokenCondition {
		node.Condition = p.take().text
	}
}

func (p *parser) add(node *Node) *Node {
	p.nodes++
	if p.skipped == 0 {
		p.top().Children = append(p.top().Children, node)
	}
	return node
}

func (p *parser) open(node *Node, line int) {
	node.Block = true
	if p.skipped > 0 || len(p.stack) > MaxDepth {
		p.doc.problem(line, "braces are nested more than %d deep; the inner ones were left out", MaxDepth)
		p.skipped++
		return
	}
	p.stack = append(p.stack, node)
}

func (p *parser) close(line int) {
	switch {
	case p.skipped > 0:
		p.skipped--
	case len(p.stack) > 1:
		p.stack = p.stack[:len(p.stack)-1]
	default:
		p.doc.problem(line, "a closing brace has no opening one")
	}
}
