package standin

import (
	"encoding/json"
	"net/http"
)

// control registers the calls that programs in other processes use to steer the stand-in:
//
//	GET  /_standin/stats          the counts
//	POST /_standin/stats/reset    counts to zero
//	PUT  /_standin/item           add an item or a new version (Item as JSON; File must be absolute)
//	PUT  /_standin/collection     add or replace a collection
//	PUT  /_standin/api-fault      make the next API calls fail
//	PUT  /_standin/profile-fault  make the next requests for profile pages fail
func (s *Server) control() {
	s.mux.HandleFunc("GET /_standin/stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Stats()) // the client may be gone
	})
	s.mux.HandleFunc("POST /_standin/stats/reset", func(w http.ResponseWriter, _ *http.Request) {
		s.ResetStats()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("PUT /_standin/item", put(s.PutItem))
	s.mux.HandleFunc("PUT /_standin/collection", put(s.PutCollection))
	s.mux.HandleFunc("PUT /_standin/api-fault", put(s.FailAPI))
	s.mux.HandleFunc("PUT /_standin/profile-fault", put(s.FailProfiles))
}

// put returns a handler that decodes a value and hands it on.
func put[T any](apply func(T)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var value T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&value); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		apply(value)
		w.WriteHeader(http.StatusNoContent)
	}
}
