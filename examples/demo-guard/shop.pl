# A shop's status page with a hole: it hands a parameter to a shell.
use IO::Socket::UNIX;
my $server = IO::Socket::UNIX->new(Listen => 5, Local => "/run/shop/http") or die $!;
while (my $client = $server->accept) {
    my ($query) = (<$client> // '') =~ /host=(\S+)/;
    $query =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge if defined $query;
    print $client "HTTP/1.0 200 OK\r\n\r\n", defined $query ? `getent hosts $query` : "the shop is open\n";
    close $client;
}
