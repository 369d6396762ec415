package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// stallTimeout is how long a site may be silent.
const stallTimeout = time.Minute

// fetch returns the verified archive, from the cache or from its address. The caller closes it.
func (s *site) fetch(ctx context.Context, b *builder.Build[settings]) (*os.File, error) {
	dir := b.Plugin.CacheDir
	if dir == "" {
		return nil, sdk.Errorf(sdk.CodePrecondition, "The plugin has no cache directory.").WithHint("Look at the plugin's launch block.")
	}
	whole := filepath.Join(dir, b.Settings.SHA256)
	if file, err := os.Open(whole); err == nil {
		if sum, err := sumOf(ctx, file); err == nil && sum == b.Settings.SHA256 {
			b.Logf("The archive is in the cache.")
			return file, nil
		}
		file.Close()
		_ = os.Remove(whole) // damaged; it is fetched again
	}
	part := whole + ".part"
	if err := s.download(ctx, b, part); err != nil {
		return nil, err
	}
	file, err := os.Open(part)
	if err != nil {
		return nil, sdk.Wrap(err, sdk.CodeInternal, "The download cannot be read.")
	}
	sum, err := sumOf(ctx, file)
	if err == nil && sum != b.Settings.SHA256 {
		_ = os.Remove(part) // it is of no use
		err = sdk.Errorf(sdk.CodeInvalid, "The archive has another checksum: %s.", sum).
			WithHint("If the site has a new version that you trust, write its checksum.").WithField("/sha256")
	}
	if err == nil {
		err = os.Rename(part, whole)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// sumOf returns the checksum of a file and goes back to its beginning.
func sumOf(ctx context.Context, file *os.File) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, &canceledReader{ctx, file}); err != nil {
		return "", err
	}
	_, err := file.Seek(0, io.SeekStart)
	return hex.EncodeToString(hash.Sum(nil)), err
}

// download fetches into part, going on behind what is there already.
func (s *site) download(ctx context.Context, b *builder.Build[settings], part string) error {
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return sdk.Wrap(err, sdk.CodeUnavailable, "The cache cannot be written.").WithHint("Look at the disk.")
	}
	defer file.Close()
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := s.get(ctx, b.Settings.URL, have)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusPartialContent:
		b.Logf("The download goes on at %d bytes.", have)
	case http.StatusOK:
		have = 0
		if err := errors.Join(file.Truncate(0), rewind(file)); err != nil {
			return err
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return nil // it was whole already; the checksum tells
	default:
		return sdk.Errorf(sdk.CodeUnavailable, "The site answered %s.", answer.Status).WithHint("Check the address, or try again later.").WithField("/url")
	}
	stall := time.AfterFunc(stallTimeout, func() { cancel(errors.New("the site fell silent")) })
	defer stop(stall)
	meter := &meter{b: b, done: uint64(have), stall: stall}
	if answer.ContentLength > 0 {
		meter.total = uint64(have + answer.ContentLength)
	}
	if most := b.Limits.MaxBytes; most > 0 && meter.total > 4*most+1<<20 {
		return sdk.Errorf(sdk.CodeInvalid, "The archive has %d bytes, far more than the overlay's limit of %d.", meter.total, most)
	}
	meter.report()
	_, err = io.Copy(io.MultiWriter(file, meter), answer.Body)
	if err != nil {
		return sdk.Wrap(err, sdk.CodeUnavailable, "The download broke off.").WithHint("Build again: it goes on where it was.")
	}
	return file.Sync()
}

func stop(timer *time.Timer) { timer.Stop() }

func rewind(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// get asks for an address from an offset on.
func (s *site) get(ctx context.Context, address string, from int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, sdk.Wrap(err, sdk.CodeInvalid, "The address cannot be used.").WithField("/url")
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	answer, err := s.client().Do(request)
	if err != nil {
		return nil, sdk.Wrap(err, sdk.CodeUnavailable, "The site cannot be reached: "+reason(err)+".").WithHint("Check the address, or try again later.").WithField("/url")
	}
	return answer, nil
}

// client refuses, unless the operator allows it, addresses of this host and its networks, also after a redirect and whatever
// the name was.
func (s *site) client() *http.Client {
	local := s.allowLocal()
	dialer := &net.Dialer{Timeout: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); !local && (err != nil || !at.Addr().Unmap().IsGlobalUnicast() || at.Addr().Unmap().IsPrivate()) {
			return fmt.Errorf("%s is an address of this host or its networks", address)
		}
		return nil
	}}
	return &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, ResponseHeaderTimeout: stallTimeout, DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) >= 5 || next.URL.Scheme != "https" && !local {
				return errors.New("a redirect leads to another place than https")
			}
			return nil
		},
	}
}

func reason(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

// meter reports a download's progress, once for each 256 KiB.
type meter struct {
	b                     *builder.Build[settings]
	done, total, reported uint64
	stall                 *time.Timer
}

// Write implements io.Writer.
func (m *meter) Write(data []byte) (int, error) {
	m.done += uint64(len(data))
	m.stall.Reset(stallTimeout)
	if m.done-m.reported >= 256<<10 || m.done == m.total {
		m.report()
	}
	return len(data), nil
}

func (m *meter) report() {
	m.reported = m.done
	m.b.Progress(builder.Progress{Phase: "download", Unit: builder.Bytes, Done: m.done, Total: m.total})
}

// canceledReader ends with the build.
type canceledReader struct {
	ctx context.Context //nolint:containedctx // a reader has no other way
	io.Reader
}

// Read implements io.Reader.
func (r *canceledReader) Read(data []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(data)
}
