package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/fetch"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
	"github.com/left4me/left4me/sdk/format/vpk/vpktest"
)

func fetcher() *fetch.Fetcher {
	patience := transport.Patience{Retries: 1, Wait: time.Millisecond, MaxWait: time.Second}
	return &fetch.Fetcher{
		Client:    transport.Client(transport.Policy{Loopback: true}.DownloadClient(nil), patience),
		UserAgent: "test", Attempts: 3, Pause: time.Millisecond, Stall: 10 * time.Second,
	}
}

func packOf(size int64) []byte {
	return vpktest.Bytes([]vpktest.File{
		{Name: "addoninfo.txt", Data: []byte("AddonInfo { }")},
		{Name: "maps/a.bsp", Data: []byte("VBSP map data / "), Size: size},
	}, vpktest.Options{})
}

// rig is a stand-in with one item, and a partial file.
type rig struct {
	t      *testing.T
	server *standin.Server
	url    string
	data   []byte
	part   *os.File
}

func newRig(t *testing.T, data []byte, change func(*standin.Item)) *rig {
	t.Helper()
	item := standin.Item{ID: "1", Data: data}
	if change != nil {
		change(&item)
	}
	server := standin.New(standin.World{Items: []standin.Item{item}})
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	part, err := os.OpenFile(filepath.Join(t.TempDir(), "x.part"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = part.Close() })
	return &rig{t: t, server: server, url: listener.URL + item.Path(), data: data, part: part}
}

func (r *rig) fetch(ctx context.Context, size int64) (fetch.Outcome, error) {
	return fetcher().Fetch(ctx, fetch.Source{URL: r.url, Size: size}, r.part, func(int64) {})
}

func (r *rig) content() []byte {
	r.t.Helper()
	data, err := os.ReadFile(r.part.Name())
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}

func TestWhatGoesWrongIsMended(t *testing.T) {
	good := packOf(1 << 20)
	for name, test := range map[string]struct {
		fault    standin.Fault
		size     int64 // as the API says; 0 = unknown
		most     int64 // bytes over the network, in percent of the content
		requests int
	}{
		"nothing":               {standin.Fault{}, int64(len(good)), 100, 1},
		"unknown size":          {standin.Fault{}, 0, 100, 1},
		"cut many times":        {standin.Fault{CutAfter: 100_000, Times: 8}, int64(len(good)), 100, 9},
		"cut, no Range":         {standin.Fault{CutAfter: 600_000, Times: 1, NoRange: true}, int64(len(good)), 160, 2},
		"corrupt tree":          {standin.Fault{CorruptAt: 9, Times: 1}, int64(len(good)), 200, 2},
		"corrupt data":          {standin.Fault{CorruptAt: 500_000, Times: 1}, int64(len(good)), 200, 2},
		"a page, once":          {standin.Fault{HTML: true, Times: 1}, int64(len(good)), 100, 2},
		"wrong length, once":    {standin.Fault{WrongLength: true, Times: 1}, int64(len(good)), 150, 2},
		"500, once":             {standin.Fault{Status: 500, Times: 1}, int64(len(good)), 100, 2},
		"503 with Retry-After":  {standin.Fault{Status: 503, RetryAfter: 1, Times: 1}, int64(len(good)), 100, 2},
		"cut in the tree":       {standin.Fault{CutAfter: 20, Times: 2}, int64(len(good)), 100, 3},
		"cut at the first byte": {standin.Fault{CutAfter: 1, Times: 2}, int64(len(good)), 100, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, good, func(item *standin.Item) { item.Fault = test.fault })
			outcome, err := r.fetch(t.Context(), test.size)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(r.content(), good) || outcome.Size != int64(len(good)) || outcome.Warning != "" {
				t.Errorf("content is wrong; outcome %+v", outcome)
			}
			if limit := int64(len(good)) * test.most / 100; outcome.Received > limit {
				t.Errorf("received %d bytes, at most %d are due", outcome.Received, limit)
			}
			if n := r.server.Stats().Downloads; n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

func TestWhatCannotBeMended(t *testing.T) {
	good := packOf(10_000)
	truncated := good[:len(good)-100]
	for name, test := range map[string]struct {
		data   []byte
		change func(*standin.Item)
		want   error
		text   string
	}{
		"gone":               {good, func(i *standin.Item) { i.DownloadCode = 404 }, fetch.ErrGone, "404"},
		"forbidden":          {good, func(i *standin.Item) { i.DownloadCode = 403 }, fetch.ErrGone, "403"},
		"errors without end": {good, func(i *standin.Item) { i.DownloadCode = 500 }, nil, "after 3 attempts: the server answers with status 500"},
		"pages without end":  {good, func(i *standin.Item) { i.Fault = standin.Fault{HTML: true} }, nil, "in place of"},
		"wrong length":       {good, func(i *standin.Item) { i.Fault = standin.Fault{WrongLength: true} }, nil, "5046 bytes in place of 10093"},
		"uploaded broken":    {truncated, nil, fetch.ErrBroken, "needs bytes"},
		"uploaded picture":   {[]byte("\x89PNG\r\n and more"), nil, fetch.ErrBroken, "not a VPK"},
		"busy for an hour":   {good, func(i *standin.Item) { i.Fault = standin.Fault{Status: 429, RetryAfter: 3600} }, transport.ErrBusy, ""},
		"redirect to a file": {good, func(i *standin.Item) { i.Fault = standin.Fault{Redirect: "file:///etc/shadow"} }, transport.ErrRefused, ""},
		"redirect inside":    {good, func(i *standin.Item) { i.Fault = standin.Fault{Redirect: "http://192.168.7.7/x"} }, transport.ErrRefused, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.data, test.change)
			_, err := r.fetch(t.Context(), int64(len(test.data)))
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want %v with %q", err, test.want, test.text)
			}
		})
	}
}

func TestWrongChecksumsOfTheAuthorCount(t *testing.T) {
	data := packOf(10_000)
	data[bytes.Index(data, []byte("VBSP"))+500] ^= 0xFF
	r := newRig(t, data, nil)
	outcome, err := r.fetch(t.Context(), int64(len(data)))
	if err != nil || !strings.Contains(outcome.Warning, "maps/a.bsp") || !bytes.Equal(r.content(), data) {
		t.Errorf("outcome %+v, error %v", outcome, err)
	}
	if n := r.server.Stats().Downloads; n != 2 {
		t.Errorf("%d downloads, want 2: one to find out, one to be sure", n)
	}
}

func TestGoesOnWhereItStopped(t *testing.T) {
	good := packOf(1 << 20)
	for name, test := range map[string]struct {
		left     []byte // from an earlier download
		received int
	}{
		"half":             {good[:len(good)/2], len(good) - len(good)/2},
		"all":              {good, 0},
		"too much":         {append(bytes.Clone(good), "more"...), len(good)},
		"not of this file": {bytes.Repeat([]byte("x"), 1000), len(good)},
		"half of the tree": {good[:20], len(good) - 20},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, good, nil)
			if _, err := r.part.Write(test.left); err != nil {
				t.Fatal(err)
			}
			outcome, err := r.fetch(t.Context(), int64(len(good)))
			if err != nil || !bytes.Equal(r.content(), good) {
				t.Fatalf("outcome %+v, error %v", outcome, err)
			}
			if outcome.Received != int64(test.received) {
				t.Errorf("received %d bytes, want %d", outcome.Received, test.received)
			}
		})
	}
}

func TestWrongBeginningIsFoundAtTheEnd(t *testing.T) {
	good := packOf(1 << 20)
	wrong := bytes.Clone(good[:600_000])
	wrong[300_000] ^= 1
	r := newRig(t, good, nil)
	if _, err := r.part.Write(wrong); err != nil {
		t.Fatal(err)
	}
	if _, err := r.fetch(t.Context(), int64(len(good))); err != nil || !bytes.Equal(r.content(), good) {
		t.Errorf("error %v", err)
	}
}

func TestCancelLeavesWhatIsThere(t *testing.T) {
	good := packOf(1 << 20)
	r := newRig(t, good, func(item *standin.Item) { item.Fault.Rate = 400_000 })
	ctx, cancel := context.WithCancel(t.Context())
	_, err := fetcher().Fetch(ctx, fetch.Source{URL: r.url, Size: int64(len(good))}, r.part, func(have int64) {
		if have > 50_000 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if n := len(r.content()); n < 50_000 || !bytes.Equal(r.content(), good[:n]) {
		t.Errorf("%d bytes are left", n)
	}
}

func TestStalledDownloadIsTriedAgain(t *testing.T) {
	good := packOf(100_000)
	r := newRig(t, good, func(item *standin.Item) { item.Fault = standin.Fault{Rate: 50, Times: 1} })
	f := fetcher()
	f.Stall = 5 * time.Millisecond // a byte comes every 20 ms
	if _, err := f.Fetch(t.Context(), fetch.Source{URL: r.url, Size: int64(len(good))}, r.part, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if n := r.server.Stats().Downloads; n < 2 || !bytes.Equal(r.content(), good) {
		t.Errorf("%d requests", n)
	}
}

func TestFullDiskEndsTheDownload(t *testing.T) {
	part, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no /dev/full: %v", err)
	}
	defer func() { _ = part.Close() }()
	good := packOf(1000)
	r := newRig(t, good, nil)
	_, err = fetcher().Fetch(t.Context(), fetch.Source{URL: r.url}, part, func(int64) {})
	if err == nil || r.server.Stats().Downloads > 1 {
		t.Errorf("error %v after %d requests", err, r.server.Stats().Downloads)
	}
}

func TestLargeContentKeepsMemoryFlat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.vpk")
	err := standin.WritePack(path, []vpktest.File{{Name: "maps/a.bsp", Data: []byte("0123456789abcdef"), Size: 200 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil, func(item *standin.Item) { item.File = path })
	before := heap()
	outcome, err := r.fetch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("allocated %d bytes in all for a download of %d", grown, outcome.Size)
	}
	if sum(t, path) != sum(t, r.part.Name()) {
		t.Error("the content is not the same")
	}
}

func sum(t *testing.T, path string) [32]byte {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		t.Fatal(err)
	}
	return [32]byte(hash.Sum(nil))
}
