package evaluate

import (
	"net/http"
	"strings"
)

// sseSupport is the header by which GrowthBook's clients know that there are streams.
const sseSupport = "X-Sse-Support"

// features answers with the whole payload, as GrowthBook's clients ask for it.
func (d *Door) features(w http.ResponseWriter, r *http.Request) {
	k, err := d.key(r.PathValue("key"))
	if err == nil && k.Remote {
		err = errRules
	}
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	set, err := d.flags.Set(r.Context(), k.App, k.Environment)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	t, err := d.told(set, k)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set(sseSupport, "enabled")
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache") // kept, but never used without asking
	h.Add("Vary", "Accept-Encoding")
	// Weak: what is compressed, or encrypted by another server, says the same in other bytes.
	h.Set("ETag", `W/"`+t.id+`"`)
	if matches(r.Header.Get("If-None-Match"), t.id) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := t.payload
	if takesGzip(r) {
		if body, err = t.zipped(); err != nil {
			d.refuse(w, r, err)
			return
		}
		h.Set("Content-Encoding", "gzip")
	}
	_, _ = w.Write(body) // who does not listen any more needs no answer
}

// matches tells whether an If-None-Match names an id, whether as weak or not.
func matches(header, id string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.Trim(strings.TrimPrefix(one, "W/"), `"`) == id {
			return true
		}
	}
	return false
}

// takesGzip tells whether the client can unpack gzip.
func takesGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, how, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(strings.TrimPrefix(how, "q="), "0.") != "" || how == ""
		}
	}
	return false
}
