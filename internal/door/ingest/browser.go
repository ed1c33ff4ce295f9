package ingest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// mountBrowser adds what clients in browsers ask before they send events.
func (e *Events) mountBrowser(mux *http.ServeMux) {
	e.open(mux, "GET /v1/projects/{key}/settings", e.settings)
	e.open(mux, "POST /v1/m", func(w http.ResponseWriter, _ *http.Request) { segmentAnswer(w, taken{}) }) // what Segment's client measures of itself
	e.open(mux, "GET /array/{key}/config", e.config)
	e.open(mux, "GET /array/{key}/config.js", e.configScript)
	for _, path := range []string{"/flags", "/flags/{$}", "/decide", "/decide/{$}"} {
		e.open(mux, "POST "+path, e.noFlags)
	}
}

// open lets pages of any site call a path: there are no cookies here that another site could abuse.
func (e *Events) open(mux *http.ServeMux, pattern string, do http.HandlerFunc) {
	_, path, _ := strings.Cut(pattern, " ")
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		allow(w.Header(), r)
		do(w, r)
	})
	mux.HandleFunc("OPTIONS "+path, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		allow(h, r)
		h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		h.Set("Access-Control-Max-Age", "86400")
		// Whatever is asked for: clients have headers of their own, some only when they try again, and what the browser holds back then is lost.
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// allow lets the page that asks read the answer. It is named, since "*" does not do for what browsers send as they leave a page: that is always sent with credentials, which nobody looks at here.
func allow(h http.Header, r *http.Request) {
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	origin := r.Header.Get("Origin")
	if origin == "" {
		h.Set("Access-Control-Allow-Origin", "*")
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
}

// settings is what the browser's client of Segment asks for first: that all goes to one place, which is here.
func (e *Events) settings(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if _, ok := e.sources.Source(key); !ok {
		e.refuse(w, r, errKey)
		return
	}
	writeJSON(w, map[string]any{
		"integrations": map[string]any{"Segment.io": map[string]any{
			"apiKey": key, "apiHost": r.Host + "/v1", "protocol": scheme(r), "unbundledIntegrations": []string{}, "addBundledMetadata": true, "versionSettings": map[string]any{"version": "4.4.7", "componentTypes": []string{"browser"}},
		}},
		"plan":         map[string]any{"track": map[string]any{"__default": map[string]any{"enabled": true, "integrations": map[string]any{}}}},
		"metrics":      map[string]any{"sampleRate": 0},
		"edgeFunction": map[string]any{}, "legacyVideoPluginsEnabled": false, "remotePlugins": []string{}, "middlewareSettings": map[string]any{}, "enabledMiddleware": map[string]any{},
	})
}

// scheme is how the client came, to a proxy before this server if there is one: a page that came by TLS may send by nothing else.
func scheme(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https"
	}
	return "http"
}

// remoteConfig is what the browser's client of PostHog is to do: send events, compressed. It has much besides, such as recordings of the screen, for which there is no place here. Of surveys
// nothing is said: told that there are none, it fetches its program for them all the same.
func remoteConfig(key string) map[string]any {
	return map[string]any{
		"token": key, "supportedCompression": []string{"gzip", "gzip-js"}, "elementsChainAsString": true, "analytics": map[string]any{"endpoint": "/i/v0/e/"}, "defaultIdentifiedOnly": true,
		"autocaptureExceptions": false, "captureDeadClicks": false, "capturePerformance": false, "errorTracking": map[string]any{"autocaptureExceptions": false}, "heatmaps": false,
		"logs": map[string]any{"captureConsoleLogs": false}, "sessionRecording": false, "productTours": false, "conversations": false, "siteApps": []any{}, "toolbarParams": map[string]any{}, "isAuthenticated": false,
	}
}

func (e *Events) config(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if _, ok := e.sources.Source(key); !ok {
		e.refuse(w, r, errKey)
		return
	}
	writeJSON(w, remoteConfig(key))
}

// configScript is the same as a script, which sets it where the client looks for it.
func (e *Events) configScript(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if _, ok := e.sources.Source(key); !ok {
		e.refuse(w, r, errKey)
		return
	}
	raw, err := json.Marshal(map[string]any{key: map[string]any{"config": remoteConfig(key), "siteApps": []any{}}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	_, _ = w.Write([]byte("window._POSTHOG_REMOTE_CONFIG = Object.assign(window._POSTHOG_REMOTE_CONFIG || {}, " + string(raw) + ");\n"))
}

// noFlags answers clients of PostHog that ask which flags somebody has: none, so that they use what the app says itself, and go on.
func (e *Events) noFlags(w http.ResponseWriter, r *http.Request) {
	body, done, err := e.receive(w, r)
	defer done()
	if err == nil {
		var place *place
		sender := e.sender(r, body)
		_, known := e.sources.Source(sender)
		place, body, err = e.slots.unpacked(r.Context(), sender, known, body)
		defer place.give()
	}
	if err == nil {
		_, err = e.source(r, capture.PostHogKey(body))
	}
	if err != nil {
		e.refuse(w, r, err)
		return
	}
	none := map[string]any{}
	writeJSON(w, map[string]any{"flags": none, "featureFlags": none, "featureFlagPayloads": none, "errorsWhileComputingFlags": false})
}
