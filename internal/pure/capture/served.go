package capture

import "strings"

// served takes apart what an edge tells a page about who served it, "rel_…/agt_…/trf_…": the release, the host, and the split by which the visitor was drawn. Clients hand it on as it is. Servers know their
// release and their host, and no split; a release that has no such form is one by another name.
func (e *Event) served() {
	if !strings.HasPrefix(e.Release, "rel_") {
		return
	}
	release, rest, _ := strings.Cut(e.Release, "/")
	e.Release = release
	e.Host, e.Split, _ = strings.Cut(rest, "/")
}
