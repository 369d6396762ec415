package ui_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// Content that belongs to nothing is shown, and removed after one question.
func TestOrphansAreShownAndRemoved(t *testing.T) {
	p := signedIn(t)
	p.mustSay(p.get("/hosts/local/content", http.StatusOK), "Everything on disk belongs to something.", "No overlays yet.")
	const name = "server/01kex5v0000000000000000000"
	p.agent.SetOrphans(api.Orphan{Content: name, Bytes: 2048, Files: 3})
	p.mustSay(p.get("/hosts/local/content", http.StatusOK), name, "2.0 KiB", "never removed by themselves")
	remove := "/hosts/local/content/remove?content=" + url.QueryEscape(name)
	p.mustSay(p.get(remove, http.StatusOK), name, "lost for good")
	p.post(remove, nil, http.StatusSeeOther)
	jobs, err := p.agent.Client.Jobs(t.Context(), client.JobFilter{Subject: "content"})
	if err != nil || len(jobs) != 1 || jobs[0].Kind != "content.remove" || jobs[0].Actor != testName {
		t.Fatalf("jobs = %+v, %v", jobs, err)
	}
	p.finished(jobs[0].ID)
	p.mustSay(p.get("/hosts/local/content", http.StatusOK), "Everything on disk belongs to something.")
	p.post("/hosts/local/content/remove?content=%2Fetc", nil, http.StatusBadRequest)
	p.post("/hosts/local/content/sweep", nil, http.StatusSeeOther)
}

func TestRevisionsArePinned(t *testing.T) {
	p := signedIn(t)
	p.seed()
	revisions, err := p.agent.Client.Revisions(t.Context(), "alpha")
	if err != nil || len(revisions) == 0 {
		t.Fatal(revisions, err)
	}
	pin := url.Values{"revision": {revisions[0].ID}, "pinned": {"1"}}
	p.post("/hosts/local/overlays/alpha/pin", pin, http.StatusSeeOther)
	p.mustSay(p.get("/hosts/local/overlays/alpha", http.StatusOK), "pinned", "Unpin", "own ")
	pin.Del("pinned")
	p.post("/hosts/local/overlays/alpha/pin", pin, http.StatusSeeOther)
	if revisions, _ = p.agent.Client.Revisions(t.Context(), "alpha"); revisions[0].Pinned {
		t.Error("it is still pinned")
	}
	pin.Set("revision", "nothing")
	p.post("/hosts/local/overlays/alpha/pin", pin, http.StatusNotFound)
}
