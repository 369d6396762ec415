package sdktest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// Mount implements mounter.Stacker.
func (d dirMounter) Mount(
	ctx context.Context, server string, lowers []mounter.Layer,
) (mounter.Mount, bool, error) {
	if err := checkMountRequest(server, lowers); err != nil {
		return mounter.Mount{}, false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	mount := mounter.Mount{
		Server: server, Fingerprint: fingerprint(lowers),
		Path: d.path("servers", server, "tree"), Lowers: slices.Clone(lowers),
	}
	present, mounted, err := d.mounted(server)
	if err != nil {
		return mounter.Mount{}, false, err
	}
	if mounted && present.Fingerprint != mount.Fingerprint {
		return mounter.Mount{}, false,
			sdk.Errorf(sdk.CodeConflict, "Server %s is mounted with other layers.", server).WithHint("Unmount it first.")
	}
	if mounted {
		return present, true, nil
	}
	for _, layer := range lowers {
		if _, err := d.needLayer(layer); err != nil {
			return mounter.Mount{}, false, err
		}
	}
	gone, err := d.gone(server)
	if err != nil {
		return mounter.Mount{}, false, err
	}
	if err := os.MkdirAll(d.path("servers", server, "upper"), 0o755); err != nil {
		return mounter.Mount{}, false, err
	}
	m := d.compose(lowers, d.path("servers", server, "upper"), gone)
	if err := d.materialise(ctx, mount.Path, m); err != nil {
		return mounter.Mount{}, false, err
	}
	if err := writeJSON(d.path("servers", server, "mount.json"), mount); err != nil {
		return mounter.Mount{}, false, err
	}
	d.tell(mounter.EventAppeared, mount)
	return mount, false, nil
}

func checkMountRequest(server string, lowers []mounter.Layer) error {
	if err := mounter.CheckID("server", server); err != nil {
		return err
	}
	if len(lowers) == 0 || len(lowers) > dirLayers {
		return sdk.Errorf(sdk.CodeInvalid, "A mount has 1 to %d layers, not %d.", dirLayers, len(lowers))
	}
	for _, layer := range lowers {
		if err := mounter.CheckLayer(layer); err != nil {
			return err
		}
	}
	return nil
}

// mounted returns the mount of a server as it is on disk.
func (d *DirMounter) mounted(server string) (mount mounter.Mount, mounted bool, err error) {
	mounted, err = readJSON(d.path("servers", server, "mount.json"), &mount)
	return mount, mounted, err
}

// gone returns the paths that the server's game removed.
func (d *DirMounter) gone(server string) (gone []string, err error) {
	_, err = readJSON(d.path("servers", server, "gone.json"), &gone)
	return gone, err
}

// fingerprint is equal for equal stacks.
func fingerprint(lowers []mounter.Layer) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%q", lowers)))
	return hex.EncodeToString(sum[:])
}

// Unmount implements mounter.Stacker.
func (d dirMounter) Unmount(ctx context.Context, server string, lazy bool) (bool, error) {
	if err := mounter.CheckID("server", server); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	mount, mounted, err := d.mounted(server)
	if err != nil || !mounted {
		return false, err
	}
	if n := d.holders[server]; n > 0 && !lazy {
		return false, sdk.Errorf(sdk.CodePrecondition, "Server %s is in use by %d processes.", server, n).
			WithHint("Stop them, or force the unmount.")
	}
	if err := d.keepUpper(ctx, mount); err != nil {
		return false, err
	}
	if err := os.Remove(d.path("servers", server, "mount.json")); err != nil {
		return false, err
	}
	d.tell(mounter.EventGone, mount)
	return true, os.RemoveAll(mount.Path)
}

// keepUpper makes what the game changed in the tree the server's new upper.
func (d *DirMounter) keepUpper(ctx context.Context, mount mounter.Mount) error {
	below := d.compose(mount.Lowers, "", nil)
	if below.err != nil {
		return below.err
	}
	now, err := ReadTree(mount.Path)
	if err != nil {
		return err
	}
	upper, gone := delta(below.tree, now)
	m := merged{from: map[string]string{}, tree: upper}
	for name := range upper {
		m.from[name] = path.Join(mount.Path, name)
	}
	fresh, old := d.path("servers", mount.Server, "upper.new"), d.path("servers", mount.Server, "upper")
	if err := d.materialise(ctx, fresh, m); err != nil {
		return err
	}
	if err := writeJSON(d.path("servers", mount.Server, "gone.json"), gone); err != nil {
		return err
	}
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	return os.Rename(fresh, old)
}

// WriteFiles implements mounter.Stacker.
func (d dirMounter) WriteFiles(_ context.Context, server string, files []mounter.File) error {
	if err := mounter.CheckID("server", server); err != nil {
		return err
	}
	for _, file := range files {
		if !fs.ValidPath(file.Path) || file.Path == "." {
			return sdk.Errorf(sdk.CodeInvalid, "A file has no valid path: %.100q.", file.Path).
				WithHint("Use a relative path without \".\" and \"..\".")
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, mounted, err := d.mounted(server)
	if err != nil {
		return err
	}
	dir := d.path("servers", server, "upper")
	if mounted {
		dir = d.path("servers", server, "tree")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, file := range files {
		if err := writeFile(root, file); err != nil {
			return err
		}
	}
	return nil
}

// writeFile replaces a file in one step.
func writeFile(root *os.Root, file mounter.File) error {
	if err := root.MkdirAll(path.Dir(file.Path), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if file.Secret {
		mode = 0o600
	}
	fresh := file.Path + ".left4me-new"
	if err := root.Remove(fresh); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := root.WriteFile(fresh, file.Data, mode); err != nil {
		return err
	}
	return root.Rename(fresh, file.Path)
}
