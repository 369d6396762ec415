package provision_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/provision"
)

// cpus lays a processor out as the kernel shows it: cores with two threads whose numbers are half of all apart.
func cpus(cores int) fstest.MapFS {
	out := fstest.MapFS{}
	for cpu := range 2 * cores {
		core := cpu % cores
		out[fmt.Sprintf("cpu%d/topology/thread_siblings_list", cpu)] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d,%d\n", core, core+cores)}
	}
	return out
}

func TestGamesGetWholeCores(t *testing.T) {
	games, builds, err := provision.Cores(cpus(8), 6)
	if err != nil {
		t.Fatal(err)
	}
	if got := provision.FormatCPUs(games); got != "2-7,10-15" {
		t.Errorf("games %s", got)
	}
	if got := provision.FormatCPUs(builds); got != "0-1,8-9" {
		t.Errorf("builds %s", got)
	}
}

func TestOneCoreIsLeft(t *testing.T) {
	for _, n := range []int{8, 9, 100} {
		if games, _, err := provision.Cores(cpus(8), n); err == nil {
			t.Errorf("%d of 8 cores: games %v", n, games)
		}
	}
}

func TestParseCPUs(t *testing.T) {
	for text, want := range map[string][]int{"0": {0}, "0-3": {0, 1, 2, 3}, "8,1,0-1": {0, 1, 8}} {
		if got, err := provision.ParseCPUs(text); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a", "-1", "3-1", "0-99999999", "1,,2", "1-"} {
		if got, err := provision.ParseCPUs(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzParseCPUs(f *testing.F) {
	for _, text := range []string{"0", "0-3,8", "8191", "1,1", "9-8"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cpus, err := provision.ParseCPUs(text)
		if err != nil {
			return
		}
		again, err := provision.ParseCPUs(provision.FormatCPUs(cpus))
		if err != nil || !cmp.Equal(again, cpus) {
			t.Errorf("%q: %v becomes %v, %v", text, cpus, again, err)
		}
	})
}

const mountinfo = `22 28 0:21 / /proc rw,nosuid shared:5 - proc proc rw
60 28 8:1 / /var/lib/left4me/content rw shared:30 - ext4 /dev/sda1 rw
61 60 0:50 / /var/lib/left4me/content/servers/a/tree rw,nosuid shared:31 - overlay left4me:a rw,lowerdir=1:2
62 60 0:51 / /var/lib/left4me/content/servers/b\040b/tree rw,nosuid - overlay left4me:b rw
63 28 0:52 / /var/lib/left4me/contents/tree rw - overlay other rw
64 28 0:53 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
broken line
`

func TestRemovalUnmountsOursOnly(t *testing.T) {
	want := []string{"/var/lib/left4me/content/servers/b b/tree", "/var/lib/left4me/content/servers/a/tree"}
	if diff := cmp.Diff(want, provision.MountsBelow(mountinfo, "/var/lib/left4me/content")); diff != "" {
		t.Error(diff)
	}
}

func FuzzMountsBelow(f *testing.F) {
	f.Add(mountinfo)
	f.Fuzz(func(t *testing.T, text string) {
		for _, mount := range provision.MountsBelow(text, "/var/lib/left4me/content") {
			if len(mount) <= len("/var/lib/left4me/content/") {
				t.Errorf("%q", mount)
			}
		}
	})
}
