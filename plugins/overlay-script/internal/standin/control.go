package standin

import (
	"fmt"
	"net/http"
	"slices"
)

// Control is an HTTP handler that steers the sites from another process:
//
//	POST /fail?path=index.csv&fault=empty
//	POST /publish
func (s *Sites) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /fail", func(w http.ResponseWriter, r *http.Request) {
		path, fault := r.FormValue("path"), Fault(r.FormValue("fault"))
		if path == "" || !slices.Contains(Faults(), fault) {
			http.Error(w, fmt.Sprintf("path and fault are needed; faults are %q", Faults()), http.StatusBadRequest)
			return
		}
		s.Fail(path, fault)
	})
	mux.HandleFunc("POST /publish", func(http.ResponseWriter, *http.Request) { s.Publish() })
	return mux
}
