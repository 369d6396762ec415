package overlayfs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
)

// Lines as Linux 6.18, 6.12 and 6.1 write them for the three rungs, and the table's stranger forms.
const table = `22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
90 27 0:44 / /srv/a\040b/servers/alpha/tree rw,nosuid,nodev,relatime shared:7 master:3 - overlay left4me:alpha:00ff rw,lowerdir+=/srv/l1,lowerdir+=/srv/l\0542,upperdir=/srv/u,workdir=/srv/w,redirect_dir=nofollow
91 27 0:45 / /srv/t rw,nosuid,nodev - overlay left4me:beta:1 rw,lowerdir=5:8:9,upperdir=10,workdir=11

92 27 254:0 /a\134b /srv/t ro master:9 propagate_from:2 - ext4 /dev/vda rw
93 27 0:50 / /x rw - tmpfs  rw
`

func TestParseMounts(t *testing.T) {
	got, err := overlayfs.ParseMounts(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	want := []overlayfs.Info{
		{ID: 22, Parent: 27, Device: "0:21", Root: "/", Point: "/proc", Options: "rw,relatime", Shared: true, Type: "proc", Source: "proc", Super: "rw"},
		{ID: 90, Parent: 27, Device: "0:44", Root: "/", Point: "/srv/a b/servers/alpha/tree", Options: "rw,nosuid,nodev,relatime", Shared: true, Slave: true,
			Type: "overlay", Source: "left4me:alpha:00ff", Super: `rw,lowerdir+=/srv/l1,lowerdir+=/srv/l\0542,upperdir=/srv/u,workdir=/srv/w,redirect_dir=nofollow`},
		{ID: 91, Parent: 27, Device: "0:45", Root: "/", Point: "/srv/t", Options: "rw,nosuid,nodev", Type: "overlay", Source: "left4me:beta:1", Super: "rw,lowerdir=5:8:9,upperdir=10,workdir=11"},
		{ID: 92, Parent: 27, Device: "254:0", Root: `/a\b`, Point: "/srv/t", Options: "ro", Slave: true, Type: "ext4", Source: "/dev/vda", Super: "rw"},
		{ID: 93, Parent: 27, Device: "0:50", Root: "/", Point: "/x", Options: "rw", Type: "tmpfs", Source: "", Super: "rw"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got[1].Layers() != 2 || got[2].Layers() != 3 || got[0].Layers() != 0 {
		t.Error("layers:", got[1].Layers(), got[2].Layers(), got[0].Layers())
	}
	for _, line := range []string{"22", "22 27 0:21 / /proc rw", "x 27 0:21 / /p rw - proc proc rw", "1 y 0:21 / /p rw - proc proc rw", "1 2 0:21 / /p rw - proc"} {
		if _, err := overlayfs.ParseMounts(strings.NewReader(line)); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	for line := range strings.SplitSeq(table, "\n") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		mounts, err := overlayfs.ParseMounts(strings.NewReader(line))
		if err != nil {
			return
		}
		for _, m := range mounts {
			if m.Options == "" || m.Layers() < 0 {
				t.Errorf("%q gave %+v", line, m)
			}
		}
	})
}
