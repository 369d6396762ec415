package sdktest

import (
	"cmp"
	"context"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// ReadUpperFile implements mounter.Upper.
func (d dirMounter) ReadUpperFile(_ context.Context, server, name string, offset, length int64) ([]byte, int64, error) {
	root, gone, err := d.upper(server)
	if err != nil {
		return nil, 0, err
	}
	if covers(gone, name) {
		root.Close()
		return nil, 0, sdk.Errorf(sdk.CodePrecondition, "%.200q was deleted.", name)
	}
	return readPart(root, name, offset, length)
}

// ReadUpperDir implements mounter.Upper. Nothing is opaque: each path that is gone is known.
func (d dirMounter) ReadUpperDir(_ context.Context, server, name string, report func(mounter.Entry) error) (bool, error) {
	root, gone, err := d.upper(server)
	if err != nil {
		return false, err
	}
	if covers(gone, name) {
		root.Close()
		return false, sdk.Errorf(sdk.CodePrecondition, "%.200q was deleted.", name)
	}
	found, err := listDir(root, name)
	if err != nil {
		return false, err
	}
	for _, hidden := range gone {
		if strings.TrimPrefix(path.Dir(hidden), ".") == name {
			found = append(found, mounter.Entry{Name: path.Base(hidden), Kind: mounter.Whiteout})
		}
	}
	slices.SortFunc(found, func(a, b mounter.Entry) int { return cmp.Compare(a.Name, b.Name) })
	return false, reportAll(found, report)
}

// RemovePath implements mounter.Upper.
func (d dirMounter) RemovePath(_ context.Context, server, name string) (bool, error) {
	if err := mounter.CheckID("server", server); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, mounted, err := d.mounted(server)
	if err != nil {
		return false, err
	}
	if mounted {
		return false, sdk.Errorf(sdk.CodePrecondition, "Server %s is mounted.", server).WithHint("Stop the server first.")
	}
	gone, err := d.gone(server)
	if err != nil {
		return false, err
	}
	kept := slices.DeleteFunc(slices.Clone(gone), func(p string) bool { return p == name || strings.HasPrefix(p, name+"/") })
	existed := len(kept) < len(gone)
	if existed {
		if err := writeJSON(d.path("servers", server, "gone.json"), kept); err != nil {
			return false, err
		}
	}
	upper := d.path("servers", server, "upper")
	if !exists(upper) {
		return existed, nil
	}
	root, err := os.OpenRoot(upper)
	if err != nil {
		return false, err
	}
	defer root.Close()
	if _, err := root.Lstat(name); err != nil || plainPath(root, path.Dir(name), true) != nil && path.Dir(name) != "." {
		return existed, nil
	}
	return true, root.RemoveAll(name)
}

// upper opens what a server wrote: of a mounted one a copy is made first, since the tree is the only place that has it.
// gone are the deletions that stand for themselves: what is below a deletion is not listed.
func (d *DirMounter) upper(server string) (root *os.Root, gone []string, err error) {
	if err := mounter.CheckID("server", server); err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	mount, mounted, err := d.mounted(server)
	if err != nil {
		return nil, nil, err
	}
	if mounted {
		if err := d.keepUpper(context.Background(), mount); err != nil {
			return nil, nil, err
		}
	}
	upper := d.path("servers", server, "upper")
	if !exists(upper) {
		return nil, nil, sdk.Errorf(sdk.CodeNotFound, "Server %s has no files of its own.", server)
	}
	if gone, err = d.gone(server); err != nil {
		return nil, nil, err
	}
	all := slices.Clone(gone)
	gone = slices.DeleteFunc(gone, func(p string) bool { return covers(all, path.Dir(p)) || exists(upper+"/"+p) })
	root, err = os.OpenRoot(upper)
	return root, gone, err
}

// covers reports whether name or something above it is among the deletions.
func covers(gone []string, name string) bool {
	for ; name != "." && name != ""; name = path.Dir(name) {
		if slices.Contains(gone, name) {
			return true
		}
	}
	return false
}
