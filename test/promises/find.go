package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A test shows promises.
type test struct {
	dir      string // of its package
	name     string
	promises []int
	result   string // pass, fail, skip; "" = did not run
}

var (
	inName    = regexp.MustCompile(`^TestS(\d\d)[A-Z]`)
	inComment = regexp.MustCompile(`\bS(\d{1,2})\b`)
)

// find reads the tests below root that carry the id of a promise.
func find(root string) ([]*test, error) {
	var out []*test
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && name != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		found, err := read(path)
		out = append(out, found...)
		return err
	})
	return out, err
}

func read(path string) ([]*test, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out []*test
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Recv != nil || !strings.HasPrefix(function.Name.Name, "Test") {
			continue
		}
		promises, err := carried(function.Name.Name, function.Doc.Text())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(promises) > 0 {
			out = append(out, &test{dir: filepath.Dir(path), name: function.Name.Name, promises: promises})
		}
	}
	return out, nil
}

// carried returns the ids in a test's name and comment, sorted.
func carried(name, comment string) ([]int, error) {
	var out []int
	for _, found := range slices.Concat(inName.FindAllStringSubmatch(name, 1), inComment.FindAllStringSubmatch(comment, -1)) {
		id, err := strconv.Atoi(found[1])
		if err != nil || id < 1 || id > len(promises) {
			return nil, fmt.Errorf("%s: there is no promise S%s", name, found[1])
		}
		out = append(out, id)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
