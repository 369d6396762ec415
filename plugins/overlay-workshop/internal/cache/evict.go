package cache

import (
	"cmp"
	"context"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Limits of what stays in the cache. Zero means no limit.
type Limits struct {
	Bytes int64         // of all contents and partial files
	Age   time.Duration // since the last use
	Free  int64         // bytes that the file system of the cache should have free
}

// kept is one file that eviction may remove.
type kept struct {
	key     Key
	partial bool
	size    int64
	used    time.Time
}

// Evict removes what was not used for longer than the age, and then what was used longest ago until the rest fits and
// enough is free. Keys in use or held are left alone. It returns what it removed, in bytes and contents.
//
// It removes names and never changes a content: whoever has a link to it, or has it open or mapped, keeps it. That frees
// nothing then, so with Free it can happen that all is removed that may be.
func (c *Cache) Evict(ctx context.Context, limits Limits, now time.Time) (bytes int64, count int, err error) {
	all, err := c.list()
	if err != nil {
		return 0, 0, err
	}
	slices.SortFunc(all, func(a, b kept) int {
		return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.key.String(), b.key.String()))
	})
	var total int64
	for _, one := range all {
		total += one.size
	}
	for _, one := range all {
		tooOld := limits.Age > 0 && now.Sub(one.used) > limits.Age
		tooMuch := limits.Bytes > 0 && total > limits.Bytes
		if !tooOld && !tooMuch && !c.tooFull(limits.Free) {
			continue
		}
		if ctx.Err() != nil {
			return bytes, count, ctx.Err()
		}
		if c.evict(one) {
			total -= one.size
			bytes += one.size
			count++
		}
	}
	return bytes, count, nil
}

// tooFull reports whether less than free bytes can be written to the file system of the cache.
func (c *Cache) tooFull(free int64) bool {
	if free <= 0 {
		return false
	}
	have, err := Free(c.Dir())
	return err == nil && have < free
}

// evict removes one file unless its key is in use or held.
func (c *Cache) evict(one kept) bool {
	c.mu.Lock()
	if _, taken := c.busy[one.key]; taken || c.held[one.key] > 0 {
		c.mu.Unlock()
		return false
	}
	free := make(chan struct{})
	c.busy[one.key], c.going[one.key] = free, free
	c.mu.Unlock()
	part, err := c.tryLock(one.key)
	if err != nil {
		c.done(one.key, free)
		return false
	}
	slot := &Slot{cache: c, key: one.key, part: part, free: free}
	defer slot.Release()
	if one.partial {
		return part.Truncate(0) == nil // Release removes it
	}
	return c.remove(one.key) == nil
}

// list finds everything in the cache. Files with strange names are not ours and are left alone.
func (c *Cache) list() ([]kept, error) {
	var out []kept
	for _, directory := range [...]string{contentDir, partialDir} {
		entries, err := fs.ReadDir(c.root.FS(), directory)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			suffix := ".vpk"
			if directory == partialDir {
				suffix = ".part"
			}
			key, ok := parseKey(entry.Name(), suffix)
			info, err := entry.Info()
			if !ok || err != nil {
				continue
			}
			one := kept{key: key, partial: directory == partialDir, size: info.Size(), used: info.ModTime()}
			if note, err := c.root.Lstat(contentDir + "/" + key.String() + ".json"); err == nil && !one.partial {
				one.used = note.ModTime()
			}
			out = append(out, one)
		}
	}
	return out, nil
}

func parseKey(name, suffix string) (Key, bool) {
	base, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return Key{}, false
	}
	item, content, ok := strings.Cut(base, "-")
	key := Key{Item: item, Content: content}
	return key, ok && key.Check() == nil
}

// Usage counts the contents and partial files.
func (c *Cache) Usage() (bytes int64, count int, err error) {
	all, err := c.list()
	for _, one := range all {
		bytes += one.size
	}
	return bytes, len(all), err
}
