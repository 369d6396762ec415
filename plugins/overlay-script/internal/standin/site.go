package standin

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Fault is a way to fail.
type Fault string

// Faults of one resource. Empty and Short apply to lists and archives alike: a list without rows or
// with few, an archive without maps or with few.
const (
	None     Fault = ""
	Empty    Fault = "empty"
	Short    Fault = "short"
	WrongSum Fault = "wrong-sum" // the list names another checksum than the file has
	Failing  Fault = "failing"   // status 500
	Cut      Fault = "cut"       // the connection breaks in the middle
	Page     Fault = "page"      // a page in place of a file, with status 200
)

// Faults returns all faults.
func Faults() []Fault { return []Fault{None, Empty, Short, WrongSum, Failing, Cut, Page} }

// Sites serves all stand-ins on one address. The paths are those of the real sites, so they do not
// collide. The zero value is not usable; see New. It is safe for concurrent use.
type Sites struct {
	mu       sync.Mutex
	base     string // scheme and host in the list of l4d2center
	maps     []string
	version  int
	faults   map[string]Fault // by path suffix
	requests []string
}

// Repository is the path of the repository at GitHub.
const Repository = "/SirPlease/L4D2-Competitive-Rework"

// New returns sites whose absolute links begin with base, for example "http://127.0.0.1:8090".
func New(base string) *Sites {
	return &Sites{
		base: base, faults: map[string]Fault{}, version: 1,
		maps: []string{"widebox1", "dark carnival remix", "detourahead", "downpour"},
	}
}

// Fail lets every path that ends in suffix fail from now on; None mends it.
func (s *Sites) Fail(suffix string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[suffix] = fault
}

// SetMaps replaces the names of the maps on both map sites, without ".vpk".
func (s *Sites) SetMaps(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maps = slices.Clone(names)
}

// Publish makes a new version of everything.
func (s *Sites) Publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
}

// Requests returns the paths asked for since the last call.
func (s *Sites) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

// VPK returns the present file of a map.
func (s *Sites) VPK(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mapFile(name, s.version)
}

// ServeHTTP implements http.Handler.
func (s *Sites) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := s.find(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	fault := s.faultOf(r.URL.Path)
	switch fault {
	case Failing:
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	case Page:
		body = []byte("<!DOCTYPE html><title>Just a moment...</title>")
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(body))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	if fault == Cut {
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler) // the server drops the connection
	}
	_, _ = w.Write(body)
}

func (s *Sites) faultOf(path string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for suffix, fault := range s.faults {
		if strings.HasSuffix(path, suffix) && fault != None {
			return fault
		}
	}
	return None
}

// find returns what a request is for.
func (s *Sites) find(r *http.Request) ([]byte, bool) {
	path := r.URL.Path
	fault := s.faultOf(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, path)
	switch {
	case path == "/maps/servers/index.csv":
		return s.list(fault), true
	case path == "/maps/AllMapsInOneZipFile.zip":
		return s.allMaps(fault), true
	case path == Repository+"/archive/refs/heads/master.tar.gz":
		return s.tarball(fault), true
	case strings.HasPrefix(path, Repository+"/master/addons/"):
		body, ok := tickrateFiles(s.version)[strings.TrimPrefix(path, Repository+"/master/addons/")]
		if fault == Empty || fault == Short {
			body = body[:len(body)/4]
		}
		return body, ok
	}
	if name, ok := strings.CutPrefix(path, "/maps/servers/"); ok {
		if name, ok = strings.CutSuffix(name, ".7z"); ok && slices.Contains(s.maps, name) {
			return s.archive(name, fault), true
		}
	}
	return nil, false
}

// list is index.csv: semicolons, no quotes, a header, and lines that end in CR LF as the site's do.
func (s *Sites) list(fault Fault) []byte {
	var out strings.Builder
	out.WriteString("Name;Size;md5;Download link\r\n")
	for _, name := range s.shown(fault) {
		file := mapFile(name, s.version)
		sum := md5.Sum(file)
		if fault == WrongSum {
			sum[0] ^= 0xff
		}
		fmt.Fprintf(&out, "%s.vpk;%d;%x;%s/maps/servers/%s.7z\r\n", name, len(file), sum, s.base, name)
	}
	return []byte(out.String())
}

func (s *Sites) archive(name string, fault Fault) []byte {
	file := mapFile(name, s.version)
	switch fault {
	case Empty:
		return sevenZip("readme.txt", []byte("nothing here"))
	case Short:
		file = file[:len(file)/2]
	case WrongSum:
		file[len(file)-1] ^= 0xff
	}
	return sevenZip(name+".vpk", file)
}

// shown are the maps that a list or archive holds.
func (s *Sites) shown(fault Fault) []string {
	switch fault {
	case Empty:
		return nil
	case Short:
		return s.maps[:1]
	}
	return s.maps
}
