package sdktest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Entry is one entry of a tree.
type Entry struct {
	Mode fs.FileMode // type and permission bits
	Size int64       // of regular files
	Sum  string      // SHA-256 of regular files
	Link string      // target of symbolic links
}

// Tree is what a directory holds, by slash-separated path.
type Tree map[string]Entry

// ReadTree reads a whole directory without following links. A directory that does not exist is empty.
func ReadTree(dir string) (Tree, error) {
	tree := Tree{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil || relative == "." {
			return err
		}
		tree[filepath.ToSlash(relative)], err = readEntry(name, entry)
		return err
	})
	if os.IsNotExist(err) && len(tree) == 0 {
		return tree, nil
	}
	return tree, err
}

func readEntry(name string, entry fs.DirEntry) (Entry, error) {
	info, err := entry.Info()
	if err != nil {
		return Entry{}, err
	}
	out := Entry{Mode: info.Mode()}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		out.Link, err = os.Readlink(name)
	case info.Mode().IsRegular():
		out.Size = info.Size()
		out.Sum, err = sumFile(name)
	}
	return out, err
}

func sumFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Usage returns how many regular files the tree has and their bytes.
func (t Tree) Usage() (files, bytes uint64) {
	for _, entry := range t {
		if entry.Mode.IsRegular() {
			files++
			bytes += uint64(entry.Size)
		}
	}
	return files, bytes
}

// Unfit returns what may not be in content: devices, pipes, sockets, setuid bits, links that lead out.
func (t Tree) Unfit() []string {
	var found []string
	for name, entry := range t {
		switch {
		case entry.Mode&fs.ModeSymlink != 0:
			if leadsOut(name, entry.Link) {
				found = append(found, fmt.Sprintf("%s is a link out of the tree, to %s", name, entry.Link))
			}
		case !entry.Mode.IsDir() && !entry.Mode.IsRegular():
			found = append(found, fmt.Sprintf("%s is neither file, directory nor link: %s", name, entry.Mode))
		case entry.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 && entry.Mode.IsRegular():
			found = append(found, fmt.Sprintf("%s has setuid or setgid: %s", name, entry.Mode))
		}
	}
	slices.Sort(found)
	return found
}

// leadsOut reports whether a link at name with target points out of the tree, judged by text only.
func leadsOut(name, target string) bool {
	if path.IsAbs(target) {
		return true
	}
	end := path.Join(path.Dir(name), target)
	return end == ".." || strings.HasPrefix(end, "../")
}

// cacheKey names a set of files.
func cacheKey(files map[string]string) string {
	raw, _ := json.Marshal(files) // sorted by key; a map of strings always encodes
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
