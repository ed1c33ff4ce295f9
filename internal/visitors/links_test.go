package visitors

import (
	"net"
	"runtime"
	"testing"
	"time"
)

func TestAConnectionThatWasClosedIsNotUsed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	o, err := Options{Target: "http://" + listener.Addr().String(), RPS: 1}.complete()
	if err != nil {
		t.Fatal(err)
	}
	var p links
	defer p.close()
	first, err := p.take(&o)
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p.put(first)
	if again, err := p.take(&o); err != nil || again != first {
		t.Fatalf("an open connection is not used again: %v", err)
	}
	far.Close()
	for deadline := time.Now().Add(10 * time.Second); first.quiet(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("a closed connection goes unnoticed")
		}
	}
	p.put(first)
	second, err := p.take(&o)
	if err != nil || second == first {
		t.Errorf("got the closed connection: %v", err)
	}
	p.put(second)
}

func TestAConnectionThatRestedTooLongIsNotUsed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	o, err := Options{Target: "http://" + listener.Addr().String(), RPS: 1}.complete()
	if err != nil {
		t.Fatal(err)
	}
	var p links
	defer p.close()
	first, err := p.take(&o)
	if err != nil {
		t.Fatal(err)
	}
	p.put(first)
	first.rested = time.Now().Add(-2 * maxRest)
	second, err := p.take(&o)
	if err != nil || second == first {
		t.Errorf("got the connection that rested: %v", err)
	}
	p.put(second)
}
