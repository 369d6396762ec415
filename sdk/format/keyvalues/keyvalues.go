// Package keyvalues reads Valve's KeyValues text: addoninfo.txt, mission files, addonlist.txt, app manifests.
//
// The format is described on Valve's developer wiki, "KeyValues class". Files in the wild are written by hand
// and rarely clean, so [Parse] takes whatever it gets and says what it had to mend: byte order marks, UTF-16,
// Windows code pages, missing quotes and braces, quoted tokens without a blank between them, values over several
// lines. Order and duplicate keys are kept, keys compare without regard to case, and a backslash is a
// backslash. Use [ParseEscaped] for files that have escapes (those that Steam itself writes).
package keyvalues

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits that keep a hostile file from using up memory. What is beyond them is left out, with a problem.
const (
	MaxDepth    = 64
	MaxNodes    = 200_000
	MaxProblems = 50
)

// Node is a key with either a value or children.
type Node struct {
	Key       string
	Value     string // "" if the node has children
	Condition string // what stood in brackets after it, such as "$X360", without the brackets
	Children  []*Node
	Block     bool // written with braces, perhaps empty ones
	Line      int  // where the key is, from 1
}

// Problem is something that Parse mended or left out.
type Problem struct {
	Line int
	Text string
}

// String returns "line 3: …".
func (p Problem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Text) }

// Document is what a file holds: a node without key whose children are the top-level nodes.
type Document struct {
	Node
	Problems []Problem // at most MaxProblems
}

// Parse reads a file without escapes, which is what the game's own files are. It never fails.
func Parse(data []byte) *Document { return parse(data, false) }

// ParseEscaped reads a file in which \n, \t, \\ and \" are escapes.
func ParseEscaped(data []byte) *Document { return parse(data, true) }

// Find returns the first child with a key, ignoring case, or nil. It may be called on nil.
func (n *Node) Find(key string) *Node {
	if n == nil {
		return nil
	}
	for _, child := range n.Children {
		if strings.EqualFold(child.Key, key) {
			return child
		}
	}
	return nil
}

// All returns all children with a key, ignoring case, in their order.
func (n *Node) All(key string) []*Node {
	var out []*Node
	if n == nil {
		return nil
	}
	for _, child := range n.Children {
		if strings.EqualFold(child.Key, key) {
			out = append(out, child)
		}
	}
	return out
}

// Text returns the value of the first child with a key, or "".
func (n *Node) Text(key string) string {
	if child := n.Find(key); child != nil {
		return child.Value
	}
	return ""
}

// Int returns the value of the first child with a key as a number, or 0.
func (n *Node) Int(key string) int {
	number, err := strconv.Atoi(strings.TrimSpace(n.Text(key)))
	if err != nil {
		return 0
	}
	return number
}

// ForConsole reports whether the node is meant only for a game console.
func (n *Node) ForConsole() bool {
	return n.Condition != "" && !strings.HasPrefix(n.Condition, "!") &&
		(strings.Contains(strings.ToUpper(n.Condition), "X360") || strings.Contains(strings.ToUpper(n.Condition), "PS3"))
}

func (d *Document) problem(line int, format string, args ...any) {
	if len(d.Problems) < MaxProblems {
		d.Problems = append(d.Problems, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
	}
}
