// Package fetch downloads one content so that it can be trusted: it goes on where an earlier download
// stopped, and checks size, magic, tree and checksums while the bytes pass by.
//
// What comes from the network is wrong in many ways: the connection breaks, a web page comes with status 200, the
// length is not the promised one, a byte flips. Each is noticed and tried again. A file that twice comes out the
// same and only has wrong checksums inside is what its author uploaded; the game loads it, so it counts, with a
// warning. A byte that flips in a name cannot be noticed: version 1 of the format has no sum over its tree.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
	"github.com/left4me/left4me/sdk/format/vpk"
)

// ErrGone is wrapped when the server says that the content is not there (any more): trying again does not help.
var ErrGone = errors.New("the content is gone")

// ErrBroken is wrapped when the content arrives complete, twice the same, and is no usable VPK.
var ErrBroken = errors.New("the content is not a usable VPK")

// Fetcher downloads contents. It is safe for concurrent use.
type Fetcher struct {
	Client    *retryablehttp.Client
	UserAgent string
	Attempts  int           // in a row without a new byte, before it gives up
	Pause     time.Duration // between attempts, on average
	Stall     time.Duration // without a byte, after which an attempt ends
}

// Source is what to download.
type Source struct {
	URL  string // checked before
	Size int64  // of the content; 0 = unknown
}

// Outcome tells what a download did.
type Outcome struct {
	Size     int64 // of the content
	Received int64 // bytes over the network, repeated ones included
	Warning  string
}

// Fetch completes the content in part, which may hold the beginning of it. report is called with the number of
// bytes that are there, whenever it changes; it may go back when a download starts again. An error leaves
// in part what the next call can go on with.
func (f *Fetcher) Fetch(ctx context.Context, source Source, part *os.File, report func(have int64)) (Outcome, error) {
	d := &download{Fetcher: f, source: source, part: part, report: report, size: source.Size}
	if err := d.resume(ctx); err != nil {
		return Outcome{}, err
	}
	for failures, tries := 0, 0; ; tries++ {
		before := d.have
		err := d.attempt(ctx)
		if err == nil {
			err = d.judge()
		}
		switch {
		case err == nil:
			return Outcome{Size: d.have, Received: d.received, Warning: d.warning}, nil
		case ctx.Err() != nil:
			return Outcome{Received: d.received}, ctx.Err()
		case isFinal(err):
			return Outcome{Received: d.received}, err
		case d.have > before && !d.restarted:
			failures = 0
		default:
			failures++
		}
		d.restarted = false
		if failures >= f.Attempts || tries >= maxTries {
			return Outcome{Received: d.received}, fmt.Errorf("after %d attempts: %w", tries+1, err)
		}
		if err := wait(ctx, f.pause(failures)); err != nil {
			return Outcome{Received: d.received}, err
		}
	}
}

// maxTries ends a download that breaks off again and again after a few bytes.
const maxTries = 5_000

// flushEvery is how many bytes are written between two requests to write them out.
const flushEvery = 32 << 20

// pause is the wait before the next attempt. After an attempt that brought something it is short.
func (f *Fetcher) pause(failures int) time.Duration {
	return f.Client.Backoff(f.Pause/2, 20*f.Pause, failures, nil)
}

func wait(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// download is the state of one Fetch.
type download struct {
	*Fetcher
	source   Source
	part     *os.File
	report   func(int64)
	size     int64 // of the content, once known; else 0
	have     int64 // bytes in part, all of them seen by check
	check    *vpk.Checker
	received int64
	flushed  int64 // bytes that the kernel was asked to write out

	restarted bool   // the last attempt threw away what was there
	fault     string // what was wrong with the content itself last time
	warning   string
}

// resume reads what an earlier download left.
func (d *download) resume(ctx context.Context) error {
	info, err := d.part.Stat()
	if err != nil {
		return err
	}
	if d.size == 0 || info.Size() == 0 || info.Size() > d.size {
		return d.restart()
	}
	d.check = vpk.NewChecker(d.size)
	if _, err := d.part.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := copyBuffered(ctx, d.check, d.part, nil)
	if err != nil && ctx.Err() == nil {
		return d.restart()
	}
	d.have = n
	d.report(d.have)
	return ctx.Err()
}

// restart throws away what is there.
func (d *download) restart() error {
	d.restarted = d.have > 0
	if err := d.part.Truncate(0); err != nil {
		return err
	}
	if _, err := d.part.Seek(0, io.SeekStart); err != nil {
		return err
	}
	d.have, d.check = 0, vpk.NewChecker(d.size)
	d.report(0)
	return nil
}

// attempt makes one request and appends what it brings.
func (d *download) attempt(ctx context.Context) error {
	if d.size > 0 && d.have == d.size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, d.source.URL, nil)
	if err != nil {
		return final{err}
	}
	request.Header.Set("User-Agent", d.UserAgent)
	if d.have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.have))
	}
	response, err := d.Client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read only
	if err := d.accept(response); err != nil {
		return err
	}
	stall := time.AfterFunc(d.Stall, func() { cancel(errStalled) })
	defer stall.Stop()
	_, err = copyBuffered(ctx, d, response.Body, func() { stall.Reset(d.Stall) })
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		return cause
	}
	return err
}

var errStalled = errors.New("the download stands still")

// accept checks the header of an answer against what is expected.
func (d *download) accept(response *http.Response) error {
	switch response.StatusCode {
	case http.StatusOK:
		if d.have > 0 { // Range was ignored
			if err := d.restart(); err != nil {
				return err
			}
		}
		return d.length(response.ContentLength)
	case http.StatusPartialContent:
		var from, to, size int64
		if _, err := fmt.Sscanf(response.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err != nil || from != d.have || size != d.size {
			return errors.Join(fmt.Errorf("the server answers a request for bytes from %d of %d with %q", d.have, d.size, response.Header.Get("Content-Range")), d.restart())
		}
		return nil
	case http.StatusRequestedRangeNotSatisfiable:
		return errors.Join(errors.New("the server has fewer bytes than are here"), d.restart())
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden, http.StatusUnauthorized, http.StatusUnavailableForLegalReasons:
		return fmt.Errorf("%w: status %d", ErrGone, response.StatusCode)
	}
	return fmt.Errorf("the server answers with status %d", response.StatusCode)
}

// length compares the length of a whole answer.
func (d *download) length(length int64) error {
	if d.size == 0 && length > 0 {
		d.size = length
		d.check = vpk.NewChecker(length)
	}
	if d.size == 0 {
		return errors.New("the server does not say how long the content is")
	}
	if length >= 0 && length != d.size {
		return fmt.Errorf("the server sends %d bytes in place of %d", length, d.size)
	}
	return nil
}

// Write takes the next bytes of the content: it checks them first, so that nothing wrong is kept.
func (d *download) Write(data []byte) (int, error) {
	d.received += int64(len(data))
	if _, err := d.check.Write(data); err != nil {
		return 0, d.blame(err, err.Error())
	}
	if _, err := d.part.Write(data); err != nil {
		return 0, final{err}
	}
	d.have += int64(len(data))
	if d.have-d.flushed >= flushEvery || d.have < d.flushed {
		writeBack(d.part, d.flushed, max(d.have-d.flushed, 0))
		d.flushed = d.have
	}
	d.report(d.have)
	return len(data), nil
}

// judge decides about a complete download.
func (d *download) judge() error {
	err := d.check.Finish()
	if err == nil || errors.Is(err, vpk.ErrTruncated) && d.have < d.size {
		return err
	}
	fault := fmt.Sprintf("%s (%08x)", err, d.check.Sum())
	if fault == d.fault && errors.Is(err, vpk.ErrChecksum) {
		d.warning = err.Error()
		return nil
	}
	return d.blame(err, fault)
}

// blame throws away a content that is wrong by itself. If the same comes twice where the length was right, it is what
// was uploaded.
func (d *download) blame(err error, fault string) error {
	if fault == d.fault && d.source.Size > 0 {
		return final{fmt.Errorf("%w: %w", ErrBroken, err)}
	}
	d.fault = fault
	return errors.Join(err, d.restart())
}

// final marks errors that another attempt does not mend.
type final struct{ error }

// Unwrap gives errors.Is the cause.
func (f final) Unwrap() error { return f.error }

func isFinal(err error) bool {
	_, ok := errors.AsType[final](err)
	return ok || errors.Is(err, ErrGone) || errors.Is(err, transport.ErrRefused) || errors.Is(err, transport.ErrBusy)
}
