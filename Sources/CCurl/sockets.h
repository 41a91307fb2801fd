#ifndef WEIR_CCURL_SOCKETS_H
#define WEIR_CCURL_SOCKETS_H

/* The system's queue of socket events, in the terms of curl_multi_socket_action: CURL_POLL_* for what to watch, CURL_CSELECT_* for what happened.
   All but `wait` and `close` may be called from any thread while another one waits. */

#include <curl/curl.h>
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#else
#include <fcntl.h>
#include <sys/event.h>
#endif

enum { WEIR_MOST_SOCKET_EVENTS = 64 };

struct weir_sockets {
  int queue;
  int bell;
};

struct weir_socket_event {
  curl_socket_t socket;
  int ready;
};

static inline void weir_sockets_close(struct weir_sockets sockets) {
  if (sockets.bell >= 0) close(sockets.bell);
  if (sockets.queue >= 0) close(sockets.queue);
}

#if defined(__linux__)

/* Negative: errno says why. */
static inline int weir_sockets_open(struct weir_sockets *sockets) {
  /* Edge-triggered: a ring is one event, and nobody has to read the counter. */
  struct epoll_event rung = {.events = EPOLLIN | EPOLLET, .data = {.fd = -1}};
  sockets->queue = epoll_create1(EPOLL_CLOEXEC);
  sockets->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (sockets->queue < 0 || sockets->bell < 0) return -1;
  return epoll_ctl(sockets->queue, EPOLL_CTL_ADD, sockets->bell, &rung);
}

/* `before` is what the socket was watched for until now, or CURL_POLL_NONE. */
static inline int weir_sockets_watch(struct weir_sockets sockets, curl_socket_t socket, int what, int before) {
  struct epoll_event event = {.events = 0, .data = {.fd = socket}};
  if (what == CURL_POLL_REMOVE) return epoll_ctl(sockets.queue, EPOLL_CTL_DEL, socket, &event);
  if (what & CURL_POLL_IN) event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
  return epoll_ctl(sockets.queue, before == CURL_POLL_NONE ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
}

static inline int weir_sockets_ring(struct weir_sockets sockets) {
  uint64_t one = 1;
  return write(sockets.bell, &one, sizeof one) == sizeof one ? 0 : -1;
}

/* Waits for so many milliseconds. The number of events; the bell is none, but ends the waiting. */
static inline int weir_sockets_wait(struct weir_sockets sockets, struct weir_socket_event *events, int timeout) {
  struct epoll_event ready[WEIR_MOST_SOCKET_EVENTS];
  int found = epoll_wait(sockets.queue, ready, WEIR_MOST_SOCKET_EVENTS, timeout), count = 0;
  if (found < 0) return errno == EINTR ? 0 : -1;
  for (int index = 0; index < found; index++) {
    if (ready[index].data.fd < 0) continue;
    events[count].socket = ready[index].data.fd;
    events[count].ready = (ready[index].events & EPOLLIN ? CURL_CSELECT_IN : 0) | (ready[index].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
    count++;
  }
  return count;
}

#else

static inline int weir_sockets_open(struct weir_sockets *sockets) {
  struct kevent rung;
  EV_SET(&rung, 0, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
  sockets->bell = -1;
  sockets->queue = kqueue();
  if (sockets->queue < 0 || fcntl(sockets->queue, F_SETFD, FD_CLOEXEC) < 0) return -1;
  return kevent(sockets->queue, &rung, 1, NULL, 0, NULL);
}

static inline int weir_sockets_watch(struct weir_sockets sockets, curl_socket_t socket, int what, int before) {
  struct kevent changes[2];
  int count = 0, now = what == CURL_POLL_REMOVE ? 0 : what;
  static const struct { int poll; int16_t filter; } kinds[] = {{CURL_POLL_IN, EVFILT_READ}, {CURL_POLL_OUT, EVFILT_WRITE}};
  for (int kind = 0; kind < 2; kind++) {
    int wanted = now & kinds[kind].poll;
    if (wanted == (before & kinds[kind].poll)) continue;
    EV_SET(&changes[count], socket, kinds[kind].filter, wanted ? EV_ADD : EV_DELETE, 0, 0, NULL);
    count++;
  }
  return count == 0 ? 0 : kevent(sockets.queue, changes, count, NULL, 0, NULL);
}

static inline int weir_sockets_ring(struct weir_sockets sockets) {
  struct kevent rung;
  EV_SET(&rung, 0, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
  return kevent(sockets.queue, &rung, 1, NULL, 0, NULL);
}

static inline int weir_sockets_wait(struct weir_sockets sockets, struct weir_socket_event *events, int timeout) {
  struct kevent ready[WEIR_MOST_SOCKET_EVENTS];
  struct timespec limit = {.tv_sec = timeout / 1000, .tv_nsec = (timeout % 1000) * 1000000L};
  int found = kevent(sockets.queue, NULL, 0, ready, WEIR_MOST_SOCKET_EVENTS, &limit), count = 0;
  if (found < 0) return errno == EINTR ? 0 : -1;
  for (int index = 0; index < found; index++) {
    if (ready[index].filter == EVFILT_USER) continue;
    events[count].socket = (curl_socket_t)ready[index].ident;
    events[count].ready = ready[index].filter == EVFILT_READ ? CURL_CSELECT_IN : CURL_CSELECT_OUT;
    count++;
  }
  return count;
}

#endif

#endif
