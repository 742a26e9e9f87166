#!/usr/bin/env perl
# The result, as a CGI program: a page at its route, and the counts as JSON at ROUTE/votes.
use strict;
use warnings;
use Sys::Hostname qw(hostname);

my %labels = (a => $ENV{OPTION_A} // 'Cats', b => $ENV{OPTION_B} // 'Dogs');
my $method = $ENV{REQUEST_METHOD} // 'GET';
my $path = $ENV{PATH_INFO} // '';

if ($method ne 'GET' && $method ne 'HEAD') {
    answer('405 Method Not Allowed', 'text/plain', "This is for reading.\n", 'Allow: GET, HEAD');
}
elsif ($path eq '/votes') {
    my $votes = count_votes();
    my $counts = $votes ? qq("a":$votes->{a},"b":$votes->{b},"total":@{[$votes->{a} + $votes->{b}]}) : '"error":"The database does not answer."';
    my $shown = join ',', map { qq("$_":@{[json($labels{$_})]}) } qw(a b);
    my $body = qq({$counts,"labels":{$shown},"container":@{[json(hostname())]}}\n);
    answer($votes ? '200 OK' : '503 Service Unavailable', 'application/json', $body);
}
elsif ($path eq '' || $path eq '/') {
    my $votes = count_votes();
    my $rows = $votes
        ? join '', map { "<li>" . html($labels{$_}) . ": <strong>$votes->{$_}</strong></li>\n" } qw(a b)
        : "<li>Waiting for the database</li>\n";
    answer('200 OK', 'text/html', <<"HTML", 'Refresh: 1');
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>Result</title>
<h1>@{[html($labels{a})]} or @{[html($labels{b})]}?</h1>
<ul>
$rows</ul>
<p>Counted by container <code>@{[html(hostname())]}</code>, which is gone by now.</p>
</html>
HTML
}
else {
    answer('404 Not Found', 'text/plain', "There is nothing here.\n");
}

# Undefined while there is no database to ask; the first vote makes the table.
sub count_votes {
    my $query = 'SELECT choice, count(*) FROM votes GROUP BY choice';
    open my $psql, '-|', 'psql', '--no-psqlrc', '--no-align', '--tuples-only', '--field-separator= ', '--command', $query
        or return undef;
    my %count = (a => 0, b => 0);
    while (my $line = <$psql>) {
        $count{$1} = $2 if $line =~ /^([ab]) (\d+)$/;
    }
    close $psql;
    my $status = $? >> 8;
    return $status == 2 ? undef : \%count;
}

sub answer {
    my ($status, $type, $body, @headers) = @_;
    print join("\r\n", "Status: $status", "Content-Type: $type; charset=utf-8", 'Cache-Control: no-store', @headers), "\r\n\r\n", $body;
}

sub html {
    my ($text) = @_;
    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', "'" => '&#39;');
    $text =~ s/([&<>"'])/$entity{$1}/g;
    return $text;
}

sub json {
    my ($text) = @_;
    $text =~ s/(["\\])/\\$1/g;
    $text =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ge;
    return qq("$text");
}
