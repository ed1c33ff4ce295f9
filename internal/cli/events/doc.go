// Package events is what slipway events and slipway load do: ask what users did, follow it, repair what failed, and send events to see that none is lost. It is apart from package cli for the sake of the latter's size.
package events
