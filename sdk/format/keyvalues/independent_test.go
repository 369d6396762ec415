package keyvalues_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/sdk/format/internal/independent"
	"github.com/left4me/left4me/sdk/format/keyvalues"
)

// object is a document as the other readers give it: nested objects of text, the last of two equal keys.
func object(nodes []*keyvalues.Node) map[string]any {
	out := map[string]any{}
	for _, node := range nodes {
		if node.Block {
			out[node.Key] = object(node.Children)
			continue
		}
		out[node.Key] = node.Value
	}
	return out
}

// Two hundred clean documents, made at random: our parser and three made by others understand the same.
func TestAgainstOtherParsersClean(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var files []string
	for range 200 {
		path := filepath.Join(t.TempDir(), "doc.txt")
		if err := os.WriteFile(path, []byte("\"root\"\n{\n"+randomBlock(random, 1)+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	compare(t, files, "simple-vdf", "kvparser", "@node-steam/vdf")
}

func randomBlock(random *rand.Rand, depth int) string {
	var out strings.Builder
	for i := range 1 + random.IntN(6) {
		indent := strings.Repeat("\t", depth)
		if depth < 5 && random.IntN(4) == 0 {
			fmt.Fprintf(&out, "%s\"Block%d\"\n%s{\n%s%s}\n", indent, i, indent, randomBlock(random, depth+1), indent)
			continue
		}
		value := []string{"", "c1m1_hotel", "two words", "#L4D360UI_Title", "Zoë ☢ 求生", "x // no comment", "a{b}c"}[random.IntN(7)]
		fmt.Fprintf(&out, "%s\"Key%d\"\t\t\"%s\"\n", indent, i, value)
	}
	return out.String()
}

// Of what is written in the wild only one of the three reads anything; on that we agree, but for backslashes, which it takes for
// escapes and the game does not.
func TestAgainstOtherParsersInTheWild(t *testing.T) {
	compare(t, []string{filepath.Join("testdata", "example.wiki-shape.txt"), filepath.Join("testdata", "example.addoninfo.txt")}, "kvparser")
}

func compare(t *testing.T, files []string, readers ...string) {
	t.Helper()
	for path, answers := range independent.Read(t, "keyvalues", files...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ours := object(keyvalues.Parse([]byte(strings.ReplaceAll(string(data), `\`, ""))).Children)
		for _, reader := range readers {
			var theirs map[string]any
			if answer := answers[reader]; answer.Error != "" || json.Unmarshal(answer.Value, &theirs) != nil {
				t.Errorf("%s cannot read %s: %s\n%s", reader, path, answer.Error, data)
				continue
			}
			if diff := cmp.Diff(flat(theirs), ours); diff != "" {
				t.Errorf("%s (-theirs +ours):\n%s\n%s", reader, diff, data)
			}
		}
	}
}

// flat turns numbers and booleans, which one reader makes of text, back into text.
func flat(in map[string]any) map[string]any {
	for key, value := range in {
		switch value := value.(type) {
		case map[string]any:
			in[key] = flat(value)
		case string:
		default:
			in[key] = fmt.Sprint(value)
		}
	}
	return in
}
