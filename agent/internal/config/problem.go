package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File    string // "" when the configuration did not come from a file
	Line    int    // from 1; 0 when no line is to blame
	Column  int
	Message string // one sentence
	Hint    string // one next step; may be empty
}

// String returns "file:line: message hint".
func (p Problem) String() string {
	where := ""
	switch {
	case p.File != "" && p.Line > 0:
		where = fmt.Sprintf("%s:%d: ", p.File, p.Line)
	case p.File != "":
		where = p.File + ": "
	}
	return strings.TrimSpace(where + p.Message + " " + p.Hint)
}

// Problems is everything that is wrong, in the order of the file. It is the error that [Load] and
// [Parse] return.
type Problems []Problem

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Of returns the problems in err's chain, or err as one problem when it has none.
func Of(err error) Problems {
	if err == nil {
		return nil
	}
	if problems, ok := errors.AsType[Problems](err); ok {
		return problems
	}
	return Problems{{Message: err.Error()}}
}

// sorted returns p in the order of the file, without repetitions, or nil.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(p)
}

// err keeps a nil Problems from becoming an error that is not nil.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// position is a place in the file.
type position struct {
	file         string
	line, column int
}

// collector gathers the problems of one reading.
type collector struct{ problems Problems }

// add notes a problem at a position.
func (c *collector) add(at position, hint, format string, args ...any) {
	c.problems = append(c.problems, Problem{
		File: at.file, Line: at.line, Column: at.column,
		Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}
