package hostrig

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// CacheVariable is the environment variable that moves the cache away from /var/cache/left4me-host.
const CacheVariable = "LEFT4ME_HOST_CACHE"

// packages that every host has: systemd and what talks to it, and the programs that scripts and servers need.
func packages() []string {
	return []string{
		"systemd", "systemd-sysv", "dbus", "polkitd", "libpam-systemd", "ca-certificates", "iproute2", "procps", "curl", "sudo",
		"p7zip-full", "unzip", "xz-utils", "git", "bubblewrap", "nftables", "attr", "lib32gcc-s1",
	}
}

// recipe changes when a base must be made anew though the packages are the same.
const recipe = "1"

func cacheDir() string {
	if dir := os.Getenv(CacheVariable); dir != "" {
		return dir
	}
	return "/var/cache/left4me-host"
}

// ensureBase returns the root directory of the release, made once. Nobody writes to it afterwards. Several processes
// may call it at once: one makes it, the others wait.
func ensureBase(ctx context.Context, options Options) (string, error) {
	names := slices.Concat(packages(), options.Packages)
	slices.Sort(names)
	names = slices.Compact(names)
	sum := sha256.Sum256([]byte(recipe + "\n" + strings.Join(names, "\n")))
	base := filepath.Join(cacheDir(), "base", options.Release+"-"+hex.EncodeToString(sum[:4]))
	if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
		return "", err
	}
	lock, err := lockFile(base+".lock", unix.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if _, err := os.Stat(base); err == nil {
		return base, nil
	}
	if err := makeBase(ctx, base, options.Release, names); err != nil {
		return "", fmt.Errorf("make the base of Debian %s: %w", options.Release, err)
	}
	return base, nil
}

func lockFile(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), how); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file, nil
}

func makeBase(ctx context.Context, base, release string, names []string) error {
	uri, proxy, err := mirror(ctx)
	if err != nil {
		return err
	}
	debootstrap, err := lookPath("debootstrap")
	if err != nil {
		return err
	}
	fresh := base + ".new"
	if err := os.RemoveAll(fresh); err != nil { // half made by a run that was killed
		return err
	}
	command := exec.CommandContext(ctx, debootstrap, "--variant=minbase", "--include="+strings.Join(names, ","), release, fresh, uri)
	command.Env = append(os.Environ(), proxy...)
	if out, err := command.CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(fresh, "debootstrap/debootstrap.log"))
		return errors.Join(fmt.Errorf("debootstrap: %w\n%s%s", err, tail(out), tail(log)), os.RemoveAll(fresh))
	}
	if err := finishBase(fresh); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return os.Rename(fresh, base)
}

// finishBase takes out downloads and the name servers of the machine, which debootstrap copies.
func finishBase(root string) error {
	archives, err := filepath.Glob(filepath.Join(root, "var/cache/apt/archives/*.deb"))
	if err != nil {
		return err
	}
	for _, archive := range archives {
		if err := os.Remove(archive); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte("nameserver "+ResolverAddress+"\n"), 0o644)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// tail returns the end of an output, which has the cause.
func tail(out []byte) []byte { return out[max(0, len(out)-4000):] }
