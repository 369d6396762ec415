package e2e_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// oldThreads is how many threads the predecessor's server had (gunicorn, one worker).
const oldThreads = 32

// watchByThreads lets as many people ask a synchronous server with a pool of threads for the console that prints another
// flood, and counts those who got a line; 0 = it could not be tried.
func watchByThreads(b *testing.B, d *benchedDemo, agent, seconds int) int64 {
	b.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		b.Log("no python3 (apt install python3): the model of the predecessor was not asked")
		return 0
	}
	dir, err := os.MkdirTemp("", "left4me-threads-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	server := exec.Command(python, filepath.Join(root, "test", "e2e", "testdata", "threads.py"), socket, d.socket, strconv.Itoa(oldThreads))
	server.Stderr = os.Stderr
	said, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill() // it would serve for ever
		_ = server.Wait()
	}()
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		b.Fatalf("the model of the predecessor said %q: %v", line, err)
	}
	crowd := newCrowd(socket)
	defer crowd.leave()
	for range floodUsers {
		crowd.knock(b)
	}
	for range oldThreads { // the others wait for a thread; who gets one in time is counted all the same
		<-crowd.answered
	}
	d.flood(b, agent, seconds)
	crowd.settle()
	return crowd.served.Load()
}
