// Package steamcmd fetches Workshop items that have no download address, with Valve's steamcmd and without an
// account: steamcmd +force_install_dir DIR +login anonymous +workshop_download_item 550 ID +quit.
//
// Old items arrive as <number>_legacy.bin, which is the VPK; new ones as a directory with the VPK in it. The lines that
// steamcmd prints are the only statement of success; its exit status says nothing about an item.
package steamcmd

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// ErrGone is wrapped when Steam says that the item is not there or not for everybody.
var ErrGone = errors.New("Steam does not hand out the item")

// Client runs steamcmd. Runs are one after the other, since steamcmd keeps state in its home directory. It
// is safe for concurrent use.
type Client struct {
	Path    string        // of steamcmd.sh or steamcmd
	Dir     string        // directory of its own, for its home and the downloads
	Timeout time.Duration // of one item
	App     int           // id of the game

	running sync.Mutex
}

// Download is a file that steamcmd fetched. Close removes it.
type Download struct {
	Root   *os.Root // directory of the item
	Name   string   // of the VPK in it
	Others []string // further VPK files in the item
	remove func() error
}

// Close removes what was downloaded and is left.
func (d *Download) Close() error { return errors.Join(d.Root.Close(), d.remove()) }

// Fetch downloads one item. log gets the lines that steamcmd prints.
func (c *Client) Fetch(ctx context.Context, id string, log func(line string)) (*Download, error) {
	c.running.Lock()
	defer c.running.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("steamcmd did not end within %s", c.Timeout))
	defer cancel()
	target := filepath.Join(c.Dir, "item-"+id)
	home := filepath.Join(c.Dir, "home")
	for _, dir := range [...]string{target, home} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	remove := func() error { return os.RemoveAll(target) }
	_, err := c.run(ctx, id, target, home, log)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	download, err := c.find(target, id)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	download.remove = remove
	return download, nil
}

// run starts steamcmd and returns what it says about the item.
func (c *Client) run(ctx context.Context, id, target, home string, log func(string)) (Verdict, error) {
	command := exec.CommandContext(ctx, c.Path, "+force_install_dir", target, "+login", "anonymous",
		"+workshop_download_item", fmt.Sprint(c.App), id, "+quit")
	command.Dir = home
	command.Env = []string{"HOME=" + home, "PATH=" + cmp.Or(os.Getenv("PATH"), "/usr/bin:/bin"), "LANG=C.UTF-8"}
	ownGroup(command)
	command.WaitDelay = time.Second
	reader, writer := io.Pipe()
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		return Verdict{}, fmt.Errorf("start steamcmd: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := command.Wait()
		endGroup(command) // what it started must not outlive it
		ended <- err
		_ = writer.Close() // never fails
	}()
	said := Scan(reader, id, log)
	err := <-ended
	switch {
	case ctx.Err() != nil:
		return Verdict{}, context.Cause(ctx)
	case said.Failure != "":
		return Verdict{}, said.err()
	case !said.Success && err != nil:
		return Verdict{}, fmt.Errorf("steamcmd: %w", err)
	case !said.Success:
		return Verdict{}, errors.New("steamcmd ended without a word about the item")
	}
	return said, nil
}

// Verdict is what steamcmd said about an item.
type Verdict struct {
	Success bool
	Failure string // reason in its words
}

func (v Verdict) err() error {
	switch v.Failure {
	case "File Not Found", "Access Denied":
		return fmt.Errorf("%w: %s", ErrGone, v.Failure)
	}
	return fmt.Errorf("steamcmd could not download the item: %s", v.Failure)
}

var (
	success = regexp.MustCompile(`^Success\. Downloaded item (\d+) to "`)
	failure = regexp.MustCompile(`^ERROR! Download item (\d+) failed \(([^)]*)\)`)
	timeout = regexp.MustCompile(`^ERROR! Timeout downloading item (\d+)`)
)

// Scan reads what steamcmd prints until the end and returns what it says about item id. The last word counts.
func Scan(output io.Reader, id string, log func(line string)) Verdict {
	var out Verdict
	lines := bufio.NewReaderSize(output, 64<<10)
	for {
		raw, err := lines.ReadSlice('\n')
		if line := strings.ToValidUTF8(strings.TrimSpace(string(raw)), "?"); line != "" {
			log(line)
			if m := success.FindStringSubmatch(line); m != nil && m[1] == id {
				out = Verdict{Success: true}
			}
			if m := failure.FindStringSubmatch(line); m != nil && m[1] == id {
				out = Verdict{Failure: m[2]}
			}
			if m := timeout.FindStringSubmatch(line); m != nil && m[1] == id {
				out = Verdict{Failure: "Timeout"}
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			_, _ = io.Copy(io.Discard, output) // so that a process that still writes can end
			return out
		}
	}
}

// find looks for the VPK. Where steamcmd put it is known; what it prints about that is not trusted.
func (c *Client) find(target, id string) (*Download, error) {
	root, err := os.OpenRoot(filepath.Join(target, "steamapps", "workshop", "content", fmt.Sprint(c.App), id))
	if err != nil {
		return nil, fmt.Errorf("steamcmd says that it was successful, but: %w", err)
	}
	var best string
	var size int64
	var all []string
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		isPack := strings.EqualFold(filepath.Ext(name), ".vpk") || strings.HasSuffix(name, "_legacy.bin")
		info, err := entry.Info()
		if err != nil || !isPack {
			return err
		}
		all = append(all, name)
		if best == "" || info.Size() > size {
			best, size = name, info.Size()
		}
		return nil
	})
	if err == nil && best == "" {
		err = fmt.Errorf("%w: there is no VPK file in it", ErrGone)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	out := &Download{Root: root, Name: best}
	for _, name := range all {
		if name != best {
			out.Others = append(out.Others, name)
		}
	}
	return out, nil
}
