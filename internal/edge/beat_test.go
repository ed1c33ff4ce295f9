package edge_test

import "testing"

func TestAnEdgeWithoutVisitorsIsHeardOf(t *testing.T) {
	p := newPlane(t)
	_, stop := p.start(nil)
	p.await("two beats", func() bool { return p.beats >= 2 })
	stop()
}
