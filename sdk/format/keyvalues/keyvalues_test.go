package keyvalues_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/sdk/format/keyvalues"
)

// dump writes a tree in one line: key=value and key{…}.
func dump(nodes []*keyvalues.Node) string {
	var out []string
	for _, node := range nodes {
		text := node.Key
		if node.Condition != "" {
			text += "[" + node.Condition + "]"
		}
		if node.Block {
			text += "{" + dump(node.Children) + "}"
		} else {
			text += "=" + node.Value
		}
		out = append(out, text)
	}
	return strings.Join(out, ";")
}

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		in, want string
		problems int
	}{
		"plain":                    {`"a" { "b" "c" d e }`, "a{b=c;d=e}", 0},
		"no blank between quotes":  {`"posterImage_widescreen""Loading"`, "posterImage_widescreen=Loading", 0},
		"brace touches bare token": {`a{b c}`, "a{b=c}", 0},
		"backslash is literal":     {`"OuttroImage" "vgui\OutroTitle\"`, `OuttroImage=vgui\OutroTitle\`, 0},
		"comments":                 {"// one\na b // two\n//three", "a=b", 0},
		"url in bare value":        {"u http://x.invalid/y", "u=http://x.invalid/y", 0},
		"duplicates and order":     {"a 1\nb 2\nA 3", "a=1;b=2;A=3", 0},
		"value over lines":         {"\"d\" \"one\ntwo.\"\n\"e\" \"f\"", "d=one\ntwo.;e=f", 0},
		"condition":                {`"a" "1" [$X360]` + "\n" + `"b" "2"`, "a[$X360]=1;b=2", 0},
		"condition before block":   {`"a" [!$PS3] { b c }`, "a[!$PS3]{b=c}", 0},
		"bracket that is a value":  {`"a" [1 2`, "a=[1;2=", 1},
		"missing closing brace":    {`"a" { "b" { "c" "d"`, "a{b{c=d}}", 1},
		"missing opening key":      {`{ a b }`, "{a=b}", 1},
		"extra closing brace":      {`"a" { b c } } "d" "e"`, "a{b=c};d=e", 1},
		"missing closing quote":    {"\"a\" \"x\n\"b\" \"y\"", "a=x;b=y", 1},
		"missing quote before }":   {"\"a\"\n{\n\"b\" \"x\n}\n\"c\" \"y\"", "a{b=x};c=y", 1},
		"missing quote at end":     {`"a" "x`, "a=x", 1},
		"missing value":            {"\"a\"\n\"b\" \"c\"", "a=;b=c", 1},
		"value on the next line":   {"\"a\"\n\"b\"\n\"c\" \"d\"", "a=b;c=d", 0},
		"key before brace":         {"\"a\" { \"b\" }", "a{b=}", 1},
		"CRLF and CR":              {"a b\r\nc d\re f", "a=b;c=d;e=f", 0},
		"BOM":                      {"\xEF\xBB\xBFa b", "a=b", 1},
		"UTF-16 without BOM":       {"a\x00 \x00b\x00", "a=b", 1},
		"UTF-16 big endian":        {"\xFE\xFF\x00a\x00 \x20\xAC", "a=€", 1},
		"Windows-1252":             {"a \"caf\xE9 \x80\"", "a=café €", 1},
		"zero bytes":               {"abc\x00 d", "abc=d", 1},
		"empty":                    {"", "", 0},
		"odd UTF-16":               {"\xFF\xFEa", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			doc := keyvalues.Parse([]byte(test.in))
			if got := dump(doc.Children); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if len(doc.Problems) != test.problems {
				t.Errorf("problems %v, want %d", doc.Problems, test.problems)
			}
		})
	}
}

func TestEscapes(t *testing.T) {
	doc := keyvalues.ParseEscaped([]byte(`"a" "say \"hi\"\n\\ \q"`))
	if got := doc.Text("A"); got != "say \"hi\"\n\\ \\q" {
		t.Errorf("got %q", got)
	}
}

func TestFixturesAllHoldTheSameMission(t *testing.T) {
	for _, name := range []string{"example.wiki-shape.txt", "broken.bom.txt", "broken.utf16le.txt"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			mission := keyvalues.Parse(data).Find("MISSION")
			if got := mission.Text("displaytitle"); got != "My Campaign!" {
				t.Errorf("title %q", got)
			}
			if got := mission.Text("OuttroImage"); got != `vgui\OutroTitle_My` {
				t.Errorf("image %q", got)
			}
			if got := mission.Find("poster").Text("posterImage_widescreen"); got != "LoadingScreen_My_Widescreen" {
				t.Errorf("poster %q", got)
			}
			coop := mission.Find("modes").Find("coop")
			if len(coop.Children) != 2 || coop.Find("2").Text("Map") != "mycamp_m2_finale" {
				t.Errorf("coop %q", dump(coop.Children))
			}
			if got := mission.Int("version"); got != 3 {
				t.Errorf("version %d", got)
			}
		})
	}
}

func TestNilNodesFindNothing(t *testing.T) {
	var none *keyvalues.Node
	if none.Find("a") != nil || none.All("a") != nil || none.Text("a") != "" || none.Int("a") != 0 {
		t.Error("a nil node found something")
	}
}

func TestForConsole(t *testing.T) {
	doc := keyvalues.Parse([]byte("a 1 [$X360]\nb 2 [!$X360]\nc 3\nd 4 [$PS3]\ne 5 [$WIN32]"))
	var got []string
	for _, node := range doc.Children {
		if !node.ForConsole() {
			got = append(got, node.Key)
		}
	}
	if strings.Join(got, "") != "bce" {
		t.Errorf("kept %q", got)
	}
}

func TestLimits(t *testing.T) {
	deep := keyvalues.Parse([]byte(strings.Repeat("a {", 10_000) + strings.Repeat("}", 10_000) + " z 1"))
	depth := 0
	for node := &deep.Node; node != nil; node = node.Find("a") {
		depth++
	}
	if depth > keyvalues.MaxDepth+2 || deep.Text("z") != "1" {
		t.Errorf("depth %d, z=%q", depth, deep.Text("z"))
	}
	wide := keyvalues.Parse([]byte(strings.Repeat("a 1\n", keyvalues.MaxNodes+5)))
	if len(wide.Children) != keyvalues.MaxNodes || len(wide.Problems) != 1 {
		t.Errorf("%d nodes, problems %v", len(wide.Children), wide.Problems)
	}
	if many := keyvalues.Parse([]byte(strings.Repeat("} ", 1000))); len(many.Problems) != keyvalues.MaxProblems {
		t.Errorf("%d problems", len(many.Problems))
	}
}

func TestAllFindsDuplicates(t *testing.T) {
	if got := dump(keyvalues.Parse([]byte("a 1\nb 2\nA 3")).All("a")); got != "a=1;A=3" {
		t.Errorf("got %q", got)
	}
}

func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		f.Fatalf("seeds: %v, %v", names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, doc := range []*keyvalues.Document{keyvalues.Parse(data), keyvalues.ParseEscaped(data)} {
			if n := count(&doc.Node, 0, t); n > len(data)+1 {
				t.Fatalf("%d nodes from %d bytes", n, len(data))
			}
			for _, problem := range doc.Problems {
				if problem.Line < 1 {
					t.Fatalf("problem without a line: %v", problem)
				}
			}
		}
	})
}

func count(node *keyvalues.Node, depth int, t *testing.T) int {
	if depth > keyvalues.MaxDepth+1 {
		t.Fatal("too deep")
	}
	n := 1
	for _, child := range node.Children {
		n += count(child, depth+1, t)
	}
	return n
}
