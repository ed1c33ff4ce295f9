package events

import (
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// Door adds the paths about events to an API.
type Door struct {
	API     *api.Server
	Sources *track.Service
}

// Mount adds the paths.
func (d *Door) Mount() {
	d.mountSources()
}
