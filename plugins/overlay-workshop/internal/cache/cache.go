// Package cache keeps downloaded Workshop content, each version once for all overlays.
//
//	<dir>/content/<item>-<content>.vpk    complete and checked
//	<dir>/content/<item>-<content>.json   what is known about it; its modification time is the last use
//	<dir>/partial/<item>-<content>.part   a download that goes on where it stopped
//
// A content never changes: a new version has a new key. A file in content was checked before it was moved
// there, so a plugin that is killed leaves only partial files behind, and those are used by the next build.
//
// [Cache.Acquire] locks one key, in this process and against other processes that use the same directory. All names
// are built from checked ids and opened beneath the directory with os.Root.
//
// Overlays hold their own copies, clones or links of a content, so evicting it never takes anything away from them.
package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"
)

// Key names one version of an item.
type Key struct {
	Item    string // Workshop id
	Content string // id of the content
}

// String returns the base of the file names.
func (k Key) String() string { return k.Item + "-" + k.Content }

// Entry says what is known about a content. It is kept beside it.
type Entry struct {
	Item    string    `json:"item"`
	Content string    `json:"content"`
	Size    int64     `json:"size"`
	Title   string    `json:"title,omitempty"`
	URL     string    `json:"url,omitempty"` // where it came from; "" for content from steamcmd
	Fetched time.Time `json:"fetched"`
}

// Cache is a directory of contents. It is safe for concurrent use.
type Cache struct {
	root *os.Root

	mu    sync.Mutex
	busy  map[Key]chan struct{} // closed when the key is free again
	held  map[Key]int           // builds that will need the key
	going map[Key]chan struct{} // those of busy that are being evicted
}

const (
	contentDir = "content"
	partialDir = "partial"
)

// Open makes or opens the cache at dir. Close it after use.
func Open(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range [...]string{contentDir, partialDir} {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, errors.Join(err, root.Close())
		}
	}
	return &Cache{root: root, busy: make(map[Key]chan struct{}), held: make(map[Key]int), going: make(map[Key]chan struct{})}, nil
}

// Close releases the directory. Slots that are still held stay usable until they are released.
func (c *Cache) Close() error { return c.root.Close() }

// Dir is the directory of the cache.
func (c *Cache) Dir() string { return c.root.Name() }

// Hold keeps keys from being evicted by this process until release is called. An eviction that has begun is waited for, so
// that what Has finds afterwards stays.
func (c *Cache) Hold(keys ...Key) (release func()) {
	var going []chan struct{}
	c.mu.Lock()
	for _, key := range keys {
		c.held[key]++
		if free, begun := c.going[key]; begun {
			going = append(going, free)
		}
	}
	c.mu.Unlock()
	for _, free := range going {
		<-free
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, key := range keys {
			if c.held[key]--; c.held[key] == 0 {
				delete(c.held, key)
			}
		}
	}
}

// Versions returns what is cached of an item, newest first.
func (c *Cache) Versions(item string) ([]Entry, error) {
	names, err := fs.ReadDir(c.root.FS(), contentDir)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, name := range names {
		key, ok := parseKey(name.Name(), ".json")
		if !ok || key.Item != item {
			continue
		}
		if entry, ok := c.load(key); ok {
			out = append(out, entry)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return b.Fetched.Compare(a.Fetched) })
	return out, nil
}

// Partial returns how many bytes of a download are there already.
func (c *Cache) Partial(key Key) int64 {
	info, err := c.root.Lstat(partialDir + "/" + key.String() + ".part")
	if err != nil {
		return 0
	}
	return info.Size()
}

// Has returns what is cached under a key, without waiting for it.
func (c *Cache) Has(key Key) (Entry, bool) { return c.load(key) }

// Acquire waits until the key is free and returns its slot.
func (c *Cache) Acquire(ctx context.Context, key Key) (*Slot, error) {
	if err := key.Check(); err != nil {
		return nil, err
	}
	free, err := c.wait(ctx, key)
	if err != nil {
		return nil, err
	}
	slot := &Slot{cache: c, key: key, free: free}
	if slot.part, err = c.lock(ctx, key); err != nil {
		c.done(key, free)
		return nil, err
	}
	slot.entry, slot.have = c.load(key)
	return slot, nil
}

// wait takes the key within this process.
func (c *Cache) wait(ctx context.Context, key Key) (chan struct{}, error) {
	for {
		c.mu.Lock()
		free, taken := c.busy[key]
		if !taken {
			free = make(chan struct{})
			c.busy[key] = free
			c.mu.Unlock()
			return free, nil
		}
		c.mu.Unlock()
		select {
		case <-free:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *Cache) done(key Key, free chan struct{}) {
	c.mu.Lock()
	delete(c.busy, key)
	delete(c.going, key)
	c.mu.Unlock()
	close(free)
}

// lock opens the partial file of a key and locks it against other processes.
func (c *Cache) lock(ctx context.Context, key Key) (*os.File, error) {
	for {
		part, err := c.tryLock(key)
		if err == nil || !errors.Is(err, errLocked) {
			return part, err
		}
		select {
		case <-time.After(100 * time.Millisecond): // the kernel has no wait for a lock that ends with a context
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// errLocked says that another process holds a key.
var errLocked = errors.New("in use by another process")

// tryLock returns the locked partial file. The holder before may have moved or removed the file between
// opening and locking it, so it is compared with what the name leads to.
func (c *Cache) tryLock(key Key) (*os.File, error) {
	name := partialDir + "/" + key.String() + ".part"
	part, err := c.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = lockFile(part)
	if err == nil {
		var here, there fs.FileInfo
		if here, err = part.Stat(); err == nil {
			there, err = c.root.Lstat(name)
		}
		if err == nil && os.SameFile(here, there) {
			return part, nil
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = errLocked
		}
	}
	return nil, errors.Join(err, part.Close())
}

// load finds a complete content. One whose size is not what was noted does not count: somebody changed it.
func (c *Cache) load(key Key) (Entry, bool) {
	var entry Entry
	data, err := c.root.ReadFile(contentDir + "/" + key.String() + ".json")
	if err != nil || json.Unmarshal(data, &entry) != nil {
		return Entry{}, false
	}
	info, err := c.root.Lstat(contentDir + "/" + key.String() + ".vpk")
	if err != nil || !info.Mode().IsRegular() || info.Size() != entry.Size || !isOurs(info) {
		return Entry{}, false
	}
	return entry, entry.Item == key.Item && entry.Content == key.Content
}

func (c *Cache) remove(key Key) error {
	var faults []error
	for _, suffix := range [...]string{".vpk", ".json"} {
		if err := c.root.Remove(contentDir + "/" + key.String() + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// Check reports whether key is fit for file names.
func (k Key) Check() error {
	for _, part := range [...]string{k.Item, k.Content} {
		for _, c := range part {
			if (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' {
				return fmt.Errorf("%q cannot be part of a file name", part)
			}
		}
		if part == "" || len(part) > 64 {
			return fmt.Errorf("%q cannot be part of a file name", part)
		}
	}
	return nil
}
