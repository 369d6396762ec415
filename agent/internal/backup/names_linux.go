package backup

import (
	"archive/tar"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// names maps users and groups of ours between numbers, which differ from host to host, and names.
type names struct {
	users, groups map[int]string
	uids, gids    map[string]int
}

func readNames(root string) (names, error) {
	n := names{map[int]string{}, map[int]string{}, map[string]int{}, map[string]int{}}
	for _, table := range []struct {
		file string
		name map[int]string
		id   map[string]int
	}{{"etc/passwd", n.users, n.uids}, {"etc/group", n.groups, n.gids}} {
		data, err := os.ReadFile(filepath.Join(root, table.file))
		if err != nil {
			return n, err
		}
		for line := range strings.Lines(string(data)) {
			fields := strings.Split(line, ":")
			if len(fields) < 3 || (fields[0] != "root" && !strings.HasPrefix(fields[0], "left4me")) {
				continue
			}
			if id, err := strconv.Atoi(strings.TrimSpace(fields[2])); err == nil {
				table.name[id], table.id[fields[0]] = fields[0], id
			}
		}
	}
	return n, nil
}

// header describes a file of this host.
func (n names) header(info fs.FileInfo) tar.Header {
	h := tar.Header{Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Format: tar.FormatPAX}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		h.Uname, h.Gname = n.users[int(st.Uid)], n.groups[int(st.Gid)]
	}
	return h
}

// owner returns whose an entry becomes on this host; others than ours become instead's.
func (n names) owner(h *tar.Header, instead string) (uid, gid int) {
	uid, known := n.uids[h.Uname]
	if !known {
		uid = n.uids[instead]
	}
	gid, known = n.gids[h.Gname]
	if !known {
		gid = n.gids[instead]
	}
	return uid, gid
}
