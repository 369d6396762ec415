package standin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Server is the service. It is safe for concurrent use; the zero value is not usable, see [New].
type Server struct {
	mux *http.ServeMux

	mu          sync.Mutex
	world       World
	items       map[string]*Item
	collections map[string]*Collection
	contents    map[string]*Item // by CDN path; old versions stay
	previews    map[string]*Item // by path
	api         APIFault
	profiles    APIFault
	stats       Stats
	running     int
}

// APIFault is what goes wrong with the next Times API calls.
type APIFault struct {
	Status     int    `json:"status"`                // HTTP status; 0 sends Body with 200
	RetryAfter string `json:"retry_after,omitempty"` // header
	Body       string `json:"body,omitempty"`
	DelayMS    int    `json:"delay_ms,omitempty"` // before a right answer, when Status is 0 and Body empty
	Times      int    `json:"times"`
}

// Stats counts what clients did.
type Stats struct {
	APICalls     int              `json:"api_calls"`
	Largest      int              `json:"largest_batch"`
	Downloads    int              `json:"downloads"`      // requests to the CDN
	Bytes        int64            `json:"bytes"`          // sent by the CDN
	ByItem       map[string]int   `json:"by_item"`        // requests to the CDN
	BytesByItem  map[string]int64 `json:"bytes_by_item"`  // sent by the CDN
	MostParallel int              `json:"most_parallel"`  // downloads at a time
	Resumed      int              `json:"resumed"`        // requests with Range
	LastAPICalls []time.Time      `json:"last_api_calls"` // at most the last 1000
	Previews     int              `json:"previews"`       // requests for preview pictures, which are no downloads
	Profiles     int              `json:"profiles"`       // requests for profile pages
}

func noStats() Stats { return Stats{ByItem: map[string]int{}, BytesByItem: map[string]int64{}} }

// New returns a server that knows world.
func New(world World) *Server {
	s := &Server{
		mux: http.NewServeMux(), world: world, items: map[string]*Item{},
		collections: map[string]*Collection{}, contents: map[string]*Item{}, previews: map[string]*Item{}, stats: noStats(),
	}
	for _, item := range world.Items {
		s.PutItem(item)
	}
	for _, collection := range world.Collections {
		s.PutCollection(collection)
	}
	s.mux.HandleFunc("/ISteamRemoteStorage/GetPublishedFileDetails/v1/", s.details)
	s.mux.HandleFunc("/ISteamRemoteStorage/GetCollectionDetails/v1/", s.collection)
	s.mux.HandleFunc("GET /ISteamApps/UpToDateCheck/v1/", s.upToDate)
	s.mux.HandleFunc("GET /ISteamUser/GetPlayerSummaries/v2/", s.players)
	s.mux.HandleFunc("GET /ugc/", s.download)
	s.mux.HandleFunc("HEAD /ugc/", s.download)
	s.mux.HandleFunc("GET /preview/", s.preview)
	s.mux.HandleFunc("GET /profiles/{id}/{$}", s.profile)
	s.control()
	return s
}

// ServeHTTP serves the API, the CDN and the control calls below /_standin/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// PutItem adds an item or makes a new version of it. The content of an old version stays at its URL.
func (s *Server) PutItem(item Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[item.ID] = &item
	s.contents[item.Path()] = &item
	s.previews[item.previewPath()] = &item
}

// PutCollection adds or replaces a collection.
func (s *Server) PutCollection(collection Collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collections[collection.ID] = &collection
}

// ChangeItem lets change edit an item that is there, and tells whether there is one.
func (s *Server) ChangeItem(id string, change func(*Item)) bool {
	s.mu.Lock()
	known, ok := s.items[id]
	if !ok {
		s.mu.Unlock()
		return false
	}
	item := *known
	s.mu.Unlock()
	change(&item)
	s.PutItem(item)
	return true
}

// FailAPI makes the next calls of the API fail.
func (s *Server) FailAPI(fault APIFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api = fault
}

// FailProfiles makes the next requests for profile pages fail.
func (s *Server) FailProfiles(fault APIFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.profiles = fault
}

// Stats returns the counts since the start or the last ResetStats.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.ByItem, out.BytesByItem = maps.Clone(out.ByItem), maps.Clone(out.BytesByItem)
	out.LastAPICalls = append([]time.Time(nil), out.LastAPICalls...)
	return out
}

// ResetStats sets all counts to zero.
func (s *Server) ResetStats() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats = noStats() // with maps: a download that runs goes on counting
}

// refuse counts an API call and answers it with the fault that is set; true if it did.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	s.stats.APICalls++
	if s.stats.LastAPICalls = append(s.stats.LastAPICalls, time.Now()); len(s.stats.LastAPICalls) > 1000 {
		s.stats.LastAPICalls = s.stats.LastAPICalls[1:]
	}
	fault := s.api
	if s.api.Times > 0 {
		s.api.Times--
	}
	s.mu.Unlock()
	if r.Method != http.MethodPost {
		http.Error(w, "<html><head><title>Method Not Allowed</title></head></html>", http.StatusMethodNotAllowed)
		return true
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	_ = r.ParseForm() // now, since a client that gives up is noticed only once its request was read; ids checks it
	if fault.Times == 0 {
		return false
	}
	if fault.Status == 0 && fault.Body == "" {
		select {
		case <-time.After(time.Duration(fault.DelayMS) * time.Millisecond):
		case <-r.Context().Done():
		}
		return false
	}
	if fault.RetryAfter != "" {
		w.Header().Set("Retry-After", fault.RetryAfter)
	}
	w.WriteHeader(cmp.Or(fault.Status, http.StatusOK))
	_, _ = w.Write([]byte(fault.Body)) // the client may be gone
	return true
}

// ids reads the numbered form values. It answers the request and returns nil when they are missing.
func (s *Server) ids(w http.ResponseWriter, r *http.Request, count string) []string {
	if s.refuse(w, r) {
		return nil
	}
	n, _ := strconv.Atoi(r.PostForm.Get(count)) // 0 is refused below
	out := make([]string, 0, max(n, 0))
	for i := range n {
		if !r.PostForm.Has(fmt.Sprintf("publishedfileids[%d]", i)) {
			break
		}
		out = append(out, r.PostForm.Get(fmt.Sprintf("publishedfileids[%d]", i)))
	}
	if n <= 0 || len(out) != n {
		http.Error(w, "<html><head><title>Bad Request</title></head><body>Please verify that all required parameters are being sent</body></html>", http.StatusBadRequest)
		return nil
	}
	s.mu.Lock()
	s.stats.Largest = max(s.stats.Largest, n)
	s.mu.Unlock()
	return out
}

func (s *Server) details(w http.ResponseWriter, r *http.Request) {
	ids := s.ids(w, r, "itemcount")
	if ids == nil {
		return
	}
	base := baseURL(r)
	list := []map[string]any{}
	s.mu.Lock()
	for _, id := range ids {
		item, collection := s.items[id], s.collections[id]
		switch {
		case item != nil && item.UnknownItem:
		case item != nil:
			list = append(list, item.answer(base))
		case collection != nil:
			list = append(list, (&Item{ID: id, Title: collection.Title, NoURL: true, Content: "0"}).answer(base))
		default:
			list = append(list, map[string]any{"publishedfileid": id, "result": ResultNotFound})
		}
	}
	s.mu.Unlock()
	respond(w, map[string]any{"result": 1, "resultcount": len(list), "publishedfiledetails": list})
}

func (s *Server) collection(w http.ResponseWriter, r *http.Request) {
	ids := s.ids(w, r, "collectioncount")
	if ids == nil {
		return
	}
	list, found := []map[string]any{}, 0
	s.mu.Lock()
	for _, id := range ids {
		collection := s.collections[id]
		if collection == nil {
			list = append(list, map[string]any{"publishedfileid": id, "result": ResultNotFound})
			continue
		}
		found++
		entry := map[string]any{"publishedfileid": id, "result": ResultOK}
		children := []map[string]any{}
		for i, child := range collection.Children {
			filetype := 0
			if s.collections[child] != nil {
				filetype = 2
			}
			children = append(children, map[string]any{"publishedfileid": child, "sortorder": i + 1, "filetype": filetype})
		}
		if !collection.NoList {
			entry["children"] = children
		}
		list = append(list, entry)
	}
	s.mu.Unlock()
	respond(w, map[string]any{"result": 1, "resultcount": found, "collectiondetails": list})
}

func respond(w http.ResponseWriter, response any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"response": response}) // the client may be gone
}

func baseURL(r *http.Request) *url.URL {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: r.Host, Path: "/"}
}
