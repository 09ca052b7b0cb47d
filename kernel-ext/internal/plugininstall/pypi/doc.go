// Package pypi brings wheels from a package index: the one that pip's configuration names, or pypi.org. It downloads
// nothing that is not pinned, and nothing unless asked.
//
// Of pip's configuration (pip.conf and pip.ini in their places, PIP_CONFIG_FILE, and variables such as PIP_INDEX_URL)
// it follows index-url, extra-index-url, find-links, no-index, cert, trusted-host and proxy; of the rest of the
// environment the proxy variables, REQUESTS_CA_BUNDLE and .netrc. It understands both forms of an index's pages: JSON
// and HTML.
//
// Sources: Python Packaging User Guide, "Simple repository API" (PEP 503, 592, 629, 691); pip's documentation,
// "Configuration", "HTTPS certificates" and "Authentication".
package pypi
