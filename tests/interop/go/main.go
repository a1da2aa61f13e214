// The grpc-go client: told what to call as kit/client.py says.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	// Registers the policy and makes the DNS resolver ask for SRV records.
	_ "google.golang.org/grpc/balancer/grpclb"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	log.SetFlags(0)
	target := flag.String("target", "", "what to dial")
	descriptors := flag.String("descriptors", "", "descriptor set with Echo")
	serviceConfig := flag.String("service-config", "", "service config that selects grpclb")
	flag.Int("fallback-timeout-ms", 0, "ignored: grpc-go has no way to set it")
	idleTimeout := flag.Int("idle-timeout-ms", 0, "when an unused channel goes idle; 0: grpc-go's own")
	flag.Parse()

	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(*serviceConfig),
	}
	if *idleTimeout > 0 {
		options = append(options, grpc.WithIdleTimeout(milliseconds(*idleTimeout)))
	}
	channel, err := grpc.NewClient(*target, options...)
	if err != nil {
		log.Fatal(err)
	}
	defer channel.Close()
	echo, err := newEcho(channel, *descriptors)
	if err != nil {
		log.Fatal(err)
	}

	answers := json.NewEncoder(os.Stdout)
	var running *load
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		outcomes := []outcome{}
		var number, timeout int
		var wait string
		switch verb, rest, _ := strings.Cut(commands.Text(), " "); verb {
		case "call":
			scan(rest, &number, &timeout, &wait)
			for range number {
				outcomes = append(outcomes, echo.call(milliseconds(timeout), wait == "wait"))
			}
		case "load":
			scan(rest, &number, &timeout)
			running = startLoad(echo, number, milliseconds(timeout))
		case "stop":
			outcomes = running.stop()
		default:
			log.Fatalf("unknown command %q", commands.Text())
		}
		if err := answers.Encode(outcomes); err != nil {
			log.Fatal(err)
		}
	}
}

func milliseconds(n int) time.Duration {
	return time.Duration(n) * time.Millisecond
}

func scan(text string, into ...any) {
	if _, err := fmt.Sscan(text, into...); err != nil {
		log.Fatalf("bad command arguments %q: %v", text, err)
	}
}
