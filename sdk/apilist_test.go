package sdk_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateAPI = flag.Bool("update-api", false, "write testdata/api-v0.txt anew: add lines; take one away only with a deprecation that is over")

const apiList = "testdata/api-v0.txt"

// TestExportedNamesStay compares what authors can use with the list that is kept. A name that is gone or has another form
// breaks plugins; a new one is added to the list with -update-api.
func TestExportedNamesStay(t *testing.T) {
	got := map[string]bool{}
	for _, dir := range []string{".", "builder", "mounter", "sdktest"} {
		for _, line := range exported(t, dir) {
			got[dir+": "+line] = true
		}
	}
	if len(got) < 300 {
		t.Fatalf("only %d names", len(got))
	}
	if *updateAPI {
		if err := os.WriteFile(apiList, []byte(strings.Join(slices.Sorted(maps.Keys(got)), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(apiList)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range gone(string(data), got) {
		t.Errorf("gone or changed: %s", line)
	}
	for _, line := range slices.Sorted(maps.Keys(got)) {
		t.Errorf("new, add it with -update-api: %s", line)
	}
}

// gone returns the lines of the list that got lacks, and takes the others out of got.
func gone(list string, got map[string]bool) []string {
	var out []string
	for line := range strings.Lines(list) {
		if line = strings.TrimRight(line, "\n"); !got[line] {
			out = append(out, line)
		}
		delete(got, line)
	}
	return out
}

// TestAnIncompatibleChangeIsSeen changes a copy of a package as nobody may, and sees that the list tells.
func TestAnIncompatibleChangeIsSeen(t *testing.T) {
	const file = "options.go"
	data, err := os.ReadFile(filepath.Join("builder", file))
	if err != nil {
		t.Fatal(err)
	}
	for change, c := range map[string][2]string{
		"a parameter more": {"func WithDoc(markdown string) Option", "func WithDoc(markdown, more string) Option"},
		"another type":     {"func WithHealth(reporter *sdk.HealthReporter) Option", "func WithHealth(reporter sdk.HealthReporter) Option"},
		"a name that went": {"func WithForget(", "func withForget("},
	} {
		dir := t.TempDir()
		changed := strings.Replace(string(data), c[0], c[1], 1)
		if changed == string(data) {
			t.Fatalf("%s: there is no %s", change, c[0])
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, line := range exported(t, dir) {
			got[line] = true
		}
		list := strings.Join(exported(t, "builder"), "\n")
		var ours []string
		for line := range strings.Lines(list) {
			if strings.HasPrefix(line, c[0]) {
				ours = append(ours, line)
			}
		}
		if len(ours) != 1 || len(gone(strings.Join(ours, ""), got)) != 1 {
			t.Errorf("%s is not seen: %q", change, ours)
		}
	}
}

// exported lists the exported declarations of a package's files, one a line: functions and methods with their types, each
// field and method of a type.
func exported(t *testing.T, dir string) []string {
	t.Helper()
	set := token.NewFileSet()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, entry := range entries {
		if !source(entry) {
			continue
		}
		file, err := parser.ParseFile(set, filepath.Join(dir, entry.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			out = append(out, declared(set, declaration)...)
		}
	}
	return out
}

func source(entry fs.DirEntry) bool {
	name := entry.Name()
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

func declared(set *token.FileSet, declaration ast.Decl) []string {
	if f, ok := declaration.(*ast.FuncDecl); ok {
		if !f.Name.IsExported() || f.Recv != nil && !ast.IsExported(receiver(f.Recv.List[0].Type)) {
			return nil
		}
		return []string{text(set, &ast.FuncDecl{Recv: f.Recv, Name: f.Name, Type: f.Type})}
	}
	var out []string
	general := declaration.(*ast.GenDecl)
	for _, spec := range general.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() {
					out = append(out, general.Tok.String()+" "+name.Name)
				}
			}
		case *ast.TypeSpec:
			if spec.Name.IsExported() {
				out = append(out, typed(set, spec)...)
			}
		}
	}
	return out
}

func typed(set *token.FileSet, spec *ast.TypeSpec) []string {
	name := "type " + spec.Name.Name
	var fields []*ast.Field
	var kind string
	switch inner := spec.Type.(type) {
	case *ast.StructType:
		fields, kind = inner.Fields.List, " struct"
	case *ast.InterfaceType:
		fields, kind = inner.Methods.List, " interface"
	default:
		return []string{name + " " + text(set, spec.Type)}
	}
	out := []string{name + kind}
	for _, field := range fields {
		for _, part := range field.Names {
			if part.IsExported() {
				out = append(out, name+kind+", "+part.Name+" "+text(set, field.Type))
			}
		}
		if embedded := text(set, field.Type); len(field.Names) == 0 && ast.IsExported(receiver(field.Type)) {
			out = append(out, name+kind+", embedded "+embedded)
		}
	}
	return out
}

// receiver is the bare name of a type.
func receiver(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func text(set *token.FileSet, node any) string {
	var out bytes.Buffer
	if err := format.Node(&out, set, node); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(out.String()), " ")
}
