package systemd

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// A plugin that was killed after it asked has its pipes open no more. The program inside must end then: it would hold its unit for hours.
func TestPipesOfAKilledPlugin(t *testing.T) {
	dir := t.TempDir()
	p, err := hand(dir, sandbox.Spec{Dir: t.TempDir()}, true, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&inside{}).open(dir); err != nil {
		t.Fatalf("while the plugin lives: %v", err)
	}
	p.close()
	if err := (&inside{}).open(dir); err == nil {
		t.Error("the pipes of a killed plugin were opened")
	}
}

// The script must get pipes that block: programs do not expect others.
func TestPipesBlock(t *testing.T) {
	dir := t.TempDir()
	p, err := hand(dir, sandbox.Spec{Dir: t.TempDir()}, true, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	in := &inside{}
	if err := in.open(dir); err != nil {
		t.Fatal(err)
	}
	for _, file := range []*os.File{in.stdout, in.stderr, in.status, in.life} {
		raw, err := file.SyscallConn() // Fd would make it block
		if err != nil {
			t.Fatal(err)
		}
		var flags int
		if control := raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }); control != nil || err != nil || flags&unix.O_NONBLOCK != 0 {
			t.Errorf("%s: flags %o, %v, %v", file.Name(), flags, control, err)
		}
	}
}
