package ui_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/ui"
)

//go:generate go test . -run TestRightsReference -update

var update = flag.Bool("update", false, "write the reference anew")

// TestRightsReference holds the page of the reference against the catalogue and the table of routes.
func TestRightsReference(t *testing.T) {
	const file = "../../../docs/reference/rights.md"
	want := rightsReference()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/reference/rights.md is not current (%v); run: make generate\n%s", err, cmp.Diff(string(got), want))
	}
}

func rightsReference() string {
	var out strings.Builder
	out.WriteString("# Rights\n\nThis page is made from the panel's own tables. How they are meant: [Rights](../explanation/rights.md).\n\n" +
		"Whoever owns an object has every right on it. Administrators have every right. *Shareable* rights can be given to somebody else for one server.\n\n" +
		"| Right | Lets somebody | Shareable |\n|---|---|---|\n")
	for _, e := range right.Catalogue() {
		share := ""
		if e.Share {
			share = "yes"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", e.Right, e.Doc, share)
	}
	out.WriteString("\n## What needs which right\n\nEvery address of the panel. A change is written into the audit log under the name in the last column, whatever became of it; `-` changes nothing but the sender's own browser.\n\n" +
		"| Address | Right | Audit log |\n|---|---|---|\n")
	for _, route := range ui.Routes() {
		fmt.Fprintf(&out, "| %s `%s` | `%s` | %s |\n", route.Method, route.Row, route.Need, route.Audit)
	}
	return out.String()
}
