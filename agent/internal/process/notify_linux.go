package process

import (
	"encoding/binary"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// notifier tells when files in directories change. All watches share one inotify instance: a user may have few.
type notifier struct {
	file *os.File
	done chan struct{}

	mu      sync.Mutex
	watches map[int32]*watch
}

// watch is one directory. Two watches of the same directory at once are not supported, nor needed.
type watch struct {
	id      int32
	changed chan struct{} // holds at most one notice
	gone    chan struct{} // closed when the directory is removed
}

func newNotifier() (*notifier, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	n := &notifier{file: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{}), watches: map[int32]*watch{}}
	go n.run()
	return n, nil
}

func (n *notifier) watch(dir string) (*watch, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	raw, err := n.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &watch{changed: make(chan struct{}, 1), gone: make(chan struct{})}
	var id int
	var errWatch error
	err = raw.Control(func(fd uintptr) {
		id, errWatch = unix.InotifyAddWatch(int(fd), dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
	})
	if err == nil {
		err = os.NewSyscallError("inotify_add_watch", errWatch)
	}
	if err != nil {
		return nil, err
	}
	w.id = int32(id)
	n.watches[w.id] = w
	return w, nil
}

// forget ends a watch, unless a newer one took its place or the kernel ended it.
func (n *notifier) forget(w *watch) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.watches[w.id] != w {
		return
	}
	delete(n.watches, w.id)
	if raw, err := n.file.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(w.id)) })
	}
}

func (n *notifier) close() {
	_ = n.file.Close()
	<-n.done
}

func (n *notifier) run() {
	defer close(n.done)
	buf := make([]byte, 16<<10)
	for {
		size, err := n.file.Read(buf)
		if err != nil {
			return
		}
		n.dispatch(buf[:size])
	}
}

// dispatch reads struct inotify_event: i32 wd, u32 mask, u32 cookie, u32 len, name.
func (n *notifier) dispatch(data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(data) >= unix.SizeofInotifyEvent {
		id := int32(binary.NativeEndian.Uint32(data))
		mask := binary.NativeEndian.Uint32(data[4:])
		data = data[min(len(data), unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(data[12:]))):]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			for _, w := range n.watches {
				w.notify()
			}
			continue
		}
		w := n.watches[id]
		switch {
		case w == nil:
		case mask&unix.IN_IGNORED != 0:
			delete(n.watches, id)
			close(w.gone)
		default:
			w.notify()
		}
	}
}

func (w *watch) notify() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}
