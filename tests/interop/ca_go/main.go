// Go's crypto/x509 builds chains over certificates of ours, and reads our revocation lists.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

var failed bool

func check(ok bool, format string, arguments ...any) {
	if !ok {
		failed = true
		fmt.Printf("FAILED "+format+"\n", arguments...)
	}
}

func read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(os.Args[1], name))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return data
}

func certificate(name string) *x509.Certificate {
	block, rest := pem.Decode(read(name))
	if block == nil || len(rest) > 0 {
		fmt.Println(name, "is not one PEM block")
		os.Exit(1)
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		fmt.Println(name, err)
		os.Exit(1)
	}
	return parsed
}

func pool(names ...string) *x509.CertPool {
	set := x509.NewCertPool()
	for _, name := range names {
		set.AddCert(certificate(name))
	}
	return set
}

func verify(name, host string, usage x509.ExtKeyUsage) error {
	_, err := certificate(name).Verify(x509.VerifyOptions{
		DNSName: host, Roots: pool("root.pem"), Intermediates: pool("issuing.pem", "below.pem"),
		KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func list(name, issuer string) *x509.RevocationList {
	parsed, err := x509.ParseRevocationList(read(name))
	if err != nil {
		fmt.Println(name, err)
		os.Exit(1)
	}
	err = parsed.CheckSignatureFrom(certificate(issuer))
	check(err == nil, "signature of %s: %v", name, err)
	return parsed
}

func main() {
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	err := verify("server.pem", "node.example.com", server)
	check(err == nil, "server.pem: %v", err)
	for _, name := range []string{"client.pem", "bootstrap.pem", "network.pem", "service.pem"} {
		err = verify(name, "", client)
		check(err == nil, "%s: %v", name, err)
	}
	for _, name := range []string{"expired.pem", "broken.pem", "foreign.pem", "long.pem"} {
		err = verify(name, "", server)
		check(err != nil, "%s passes", name)
		fmt.Printf("%-12s %v\n", name, err)
	}
	check(verify("server.pem", "", client) != nil, "a server passes as a client")
	check(verify("server.pem", "other.example.com", server) != nil, "another host passes")

	for _, root := range []string{"rolled-old-root.pem", "rolled-new-root.pem"} {
		_, err = certificate("rolled.pem").Verify(x509.VerifyOptions{Roots: pool(root),
			Intermediates: pool("rolled-0.pem", "rolled-1.pem", "rolled-2.pem"),
			KeyUsages:     []x509.ExtKeyUsage{server}})
		check(err == nil, "rolled.pem under %s: %v", root, err)
	}

	revoked := list("0.der", "issuing.pem").RevokedCertificateEntries
	check(len(revoked) == 1, "%d entries in the list", len(revoked))
	check(len(revoked) == 1 && revoked[0].ReasonCode == 1 &&
		revoked[0].SerialNumber.Cmp(certificate("revoked.pem").SerialNumber) == 0, "another is revoked")
	check(len(list("root.der", "root.pem").RevokedCertificateEntries) == 0, "the root's list is not empty")
	if failed {
		os.Exit(1)
	}
	fmt.Println("Go agrees")
}
