package overlayscript_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/overlay-script/internal/standin"
	"github.com/left4me/left4me/sdk"
)

const examples = "../../../../examples/script-overlays"

// Shows S15.
func TestExampleMaps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source string // what all content comes from
		wrong  sdk.Code
	}{
		"cedapug_maps":    {"AllMapsInOneZipFile.zip", sdk.CodePrecondition},
		"l4d2center_maps": {"index.csv", sdk.CodePrecondition},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInternet(t, name)
			all := []string{"widebox1", "dark carnival remix", "detourahead", "downpour"}
			i.plant("left4dead2/addons/mine.vpk", "somebody put this here")
			i.must()
			i.addons(append(all, "mine")...)

			before := i.files()
			i.Requests()
			i.must()
			if diff := cmp.Diff(before, i.files()); diff != "" {
				t.Errorf("a second run changed the tree: %.500s", diff)
			}
			if asked := i.Requests(); len(asked) != 1 {
				t.Errorf("a second run asked for %q", asked)
			}
			// A damaged and a missing map come back.
			i.plant("left4dead2/addons/downpour.vpk", "damaged")
			if err := os.Remove(filepath.Join(i.tree, "left4dead2/addons/widebox1.vpk")); err != nil {
				t.Fatal(err)
			}
			i.must()
			i.addons(append(all, "mine")...)

			i.Publish()
			for _, fault := range []standin.Fault{standin.Failing, standin.Cut, standin.Page, standin.Empty, standin.Short, standin.WrongSum} {
				code := c.wrong
				if fault == standin.Failing || fault == standin.Cut {
					code = sdk.CodeUnavailable
				}
				i.unchangedBy(c.source, fault, code)
			}
			i.must()
			i.addons(append(all, "mine")...)

			i.SetMaps("widebox1", "downpour", "new one")
			i.must()
			i.addons("widebox1", "downpour", "new one", "mine")
		})
	}
}

// One broken archive must not keep the others from being updated, nor remove what is there.
func TestExampleL4D2CenterKeepsWhatItCannotVerify(t *testing.T) {
	t.Parallel()
	i := newInternet(t, "l4d2center_maps")
	i.must()
	old := i.VPK("downpour")
	for _, fault := range []standin.Fault{standin.Failing, standin.Cut, standin.Page, standin.Empty, standin.Short, standin.WrongSum} {
		i.Publish()
		i.Fail("downpour.7z", fault)
		got := i.must()
		if !strings.Contains(got.stderr(), "left out: downpour.vpk") {
			t.Errorf("%s: %q", fault, got.stderr())
		}
		kept, err := os.ReadFile(filepath.Join(i.tree, "left4dead2/addons/downpour.vpk"))
		if err != nil || !bytes.Equal(kept, old) {
			t.Errorf("%s: %d bytes, %v", fault, len(kept), err)
		}
		updated, err := os.ReadFile(filepath.Join(i.tree, "left4dead2/addons/widebox1.vpk"))
		if err != nil || !bytes.Equal(updated, i.VPK("widebox1")) {
			t.Errorf("%s: the others were not updated: %v", fault, err)
		}
	}
	i.Fail("downpour.7z", standin.None)
	i.must()
	i.addons("widebox1", "dark carnival remix", "detourahead", "downpour")
}

// Shows S15.
func TestExampleCompetitiveRework(t *testing.T) {
	t.Parallel()
	i := newInternet(t, "competitive_rework")
	i.plant("left4dead2/cfg/mine.cfg", "// mine\n")
	i.must()
	first := i.files()
	for _, name := range []string{"addons/metamod.vdf", "cfg/server.cfg", "cfg/server_competitive_rework.cfg", "addons/sourcemod/plugins/only-in-version-1.smx", "cfg/mine.cfg"} {
		if first["left4dead2/"+name] == "" {
			t.Errorf("%s is not there", name)
		}
	}
	if len(first) < 1200 {
		t.Errorf("%d files", len(first))
	}
	if got := i.must(); !strings.Contains(got.stdout(), "up to date") {
		t.Errorf("second run: %q", got.stdout())
	}
	if diff := cmp.Diff(first, i.files()); diff != "" {
		t.Errorf("a second run changed the tree: %.500s", diff)
	}
	i.Publish()
	for fault, code := range map[standin.Fault]sdk.Code{
		standin.Failing: sdk.CodeUnavailable, standin.Cut: sdk.CodeUnavailable,
		standin.Page: sdk.CodePrecondition, standin.Empty: sdk.CodePrecondition, standin.Short: sdk.CodePrecondition,
	} {
		i.unchangedBy("master.tar.gz", fault, code)
	}
	i.must()
	second := i.files()
	changed := 0
	for name := range maps.Keys(first) {
		if second[name] != first[name] {
			changed++
		}
	}
	// server.cfg and its copy, core.cfg, the dropped plugin, and the state of the script.
	if changed > 7 || second["left4dead2/addons/sourcemod/plugins/only-in-version-1.smx"] != "" || second["left4dead2/addons/sourcemod/plugins/only-in-version-2.smx"] == "" ||
		second["left4dead2/cfg/mine.cfg"] == "" {
		t.Errorf("%d files changed", changed)
	}
}

// Shows S15.
func TestExampleTickrate(t *testing.T) {
	t.Parallel()
	i := newInternet(t, "tickrate")
	i.must()
	first := i.files()
	var names []string
	for name := range first {
		names = append(names, strings.TrimPrefix(name, "left4dead2/"))
	}
	slices.Sort(names)
	want := []string{"addons/tickrate_enabler.dll", "addons/tickrate_enabler.so", "addons/tickrate_enabler.vdf", "cfg/server_tickrate.cfg"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	i.must()
	if diff := cmp.Diff(first, i.files()); diff != "" {
		t.Errorf("a second run changed the tree: %.500s", diff)
	}
	i.Publish()
	for fault, code := range map[standin.Fault]sdk.Code{
		standin.Failing: sdk.CodeUnavailable, standin.Cut: sdk.CodeUnavailable, standin.Page: sdk.CodePrecondition, standin.Short: sdk.CodePrecondition,
	} {
		i.unchangedBy("tickrate_enabler.so", fault, code)
	}
	i.must()
	if first["left4dead2/addons/tickrate_enabler.so"] == i.files()["left4dead2/addons/tickrate_enabler.so"] {
		t.Error("the new version was not taken")
	}
}

func TestExamplesAreCleanForShellcheck(t *testing.T) {
	check, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed: apt-get install shellcheck")
	}
	scripts, err := filepath.Glob(filepath.Join(examples, "*_*"))
	if err != nil || len(scripts) < 3 {
		t.Fatalf("%q, %v", scripts, err)
	}
	if out, err := exec.Command(check, append(scripts, filepath.Join(examples, "tickrate"))...).CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}
