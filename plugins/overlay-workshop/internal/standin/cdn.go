package standin

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// download serves a content with Range, or with the fault that the item has.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	known := s.contents[r.URL.Path]
	if known == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	item, fault := *known, s.takeFault(known)
	s.count(item.ID, r.Header.Get("Range") != "")
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	switch {
	case item.DownloadCode != 0:
		w.WriteHeader(item.DownloadCode)
	case fault.Redirect != "":
		http.Redirect(w, r, fault.Redirect, http.StatusFound)
	case fault.Status != 0:
		if fault.RetryAfter != 0 {
			w.Header().Set("Retry-After", fmt.Sprint(fault.RetryAfter))
		}
		w.WriteHeader(fault.Status)
	case fault.HTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><body>An error occurred while processing your request.</body></html>\n")
	default:
		s.send(w, r, &item, fault)
	}
}

// takeFault returns the fault of the next request and counts it down. The caller holds the lock.
func (s *Server) takeFault(item *Item) Fault {
	fault := item.Fault
	if item.Fault.Times > 0 {
		item.Fault.Times--
		if item.Fault.Times == 0 {
			item.Fault = Fault{}
		}
	}
	return fault
}

// count notes a download that starts. The caller holds the lock.
func (s *Server) count(id string, ranged bool) {
	s.stats.Downloads++
	s.stats.ByItem[id]++
	if ranged {
		s.stats.Resumed++
	}
	s.running++
	s.stats.MostParallel = max(s.stats.MostParallel, s.running)
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, item *Item, fault Fault) {
	var content io.ReadSeeker = bytes.NewReader(item.Data)
	if item.Data == nil {
		file, err := os.Open(item.File)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer file.Close() //nolint:errcheck // read only
		content = file
	}
	if fault.CorruptAt > 0 {
		content = &corrupt{ReadSeeker: content, wrong: fault.CorruptAt}
	}
	if fault.NoRange {
		r.Header.Del("Range")
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="item.vpk"`)
	out := &meter{ResponseWriter: w, server: s, id: item.ID, rate: fault.Rate, limit: fault.CutAfter, r: r}
	if fault.WrongLength {
		out.limit = 0
		w.Header().Set("Content-Length", fmt.Sprint(item.size()/2))
		_, _ = io.CopyN(out, content, item.size()/2)
		return
	}
	var writer http.ResponseWriter = out
	if fault.CutAfter == 0 && fault.Rate == 0 {
		writer = &fast{meter: out} // lets the kernel copy from the file
	}
	http.ServeContent(writer, r, "", time.Time{}, content)
}

// corrupt gives one wrong byte.
type corrupt struct {
	io.ReadSeeker
	at, wrong int64
}

func (c *corrupt) Read(into []byte) (int, error) {
	n, err := c.ReadSeeker.Read(into)
	if c.wrong >= c.at && c.wrong < c.at+int64(n) {
		into[c.wrong-c.at] ^= 0xFF
	}
	c.at += int64(n)
	return n, err
}

func (c *corrupt) Seek(offset int64, whence int) (int64, error) {
	at, err := c.ReadSeeker.Seek(offset, whence)
	c.at = at
	return at, err
}

// meter counts what is sent, slows it down and breaks the connection.
type meter struct {
	http.ResponseWriter
	server *Server
	id     string
	rate   int64
	limit  int64 // 0 = none
	sent   int64
	r      *http.Request
}

func (m *meter) Write(data []byte) (int, error) {
	total := 0
	for len(data) > 0 {
		part := data
		if m.limit > 0 {
			part = part[:min(int64(len(part)), m.limit-m.sent)]
		}
		if m.rate > 0 {
			part = part[:min(int64(len(part)), cmp.Or(m.rate/50, 1))]
			select {
			case <-time.After(20 * time.Millisecond):
			case <-m.r.Context().Done():
				return total, m.r.Context().Err()
			}
		}
		n, err := m.ResponseWriter.Write(part)
		m.add(int64(n))
		total += n
		if err != nil {
			return total, err
		}
		if m.limit > 0 && m.sent >= m.limit {
			_ = http.NewResponseController(m.ResponseWriter).Flush()
			panic(http.ErrAbortHandler) // the documented way to break a connection
		}
		if m.rate > 0 {
			_ = http.NewResponseController(m.ResponseWriter).Flush()
		}
		data = data[n:]
	}
	return total, nil
}

func (m *meter) add(n int64) {
	m.sent += n
	m.server.mu.Lock()
	m.server.stats.Bytes += n
	m.server.stats.BytesByItem[m.id] += n
	m.server.mu.Unlock()
}

// fast is a meter that passes io.ReaderFrom on.
type fast struct{ *meter }

// ReadFrom implements io.ReaderFrom.
func (f *fast) ReadFrom(from io.Reader) (int64, error) {
	n, err := io.Copy(f.ResponseWriter, from)
	f.add(n)
	return n, err
}
