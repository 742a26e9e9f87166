FROM scratch
ADD debian.tar /
COPY result.pl /usr/local/bin/result.pl
RUN perl -c /usr/local/bin/result.pl && psql --version
USER nobody
CMD ["perl", "/usr/local/bin/result.pl"]
