#if canImport(CryptoKit)
  private import CryptoKit
  private import Foundation
#else
  private import CCrypto
#endif

/// A hash of bytes that are given piece by piece, computed by the platform (FIPS 180-4).
package final class SHA256 {
  /// The number of bytes of a hash.
  package static let byteCount = 32

  #if canImport(CryptoKit)
    private var state = CryptoKit.SHA256()
  #else
    private let state = EVP_MD_CTX_new()
  #endif

  /// Begins a hash, so far of no bytes.
  package init() {
    #if !canImport(CryptoKit)
      // Fails only where there is no memory.
      precondition(EVP_DigestInit_ex(state, EVP_sha256(), nil) == 1, "libcrypto has no SHA-256")
    #endif
  }

  #if !canImport(CryptoKit)
    deinit { EVP_MD_CTX_free(state) }
  #endif

  /// Adds bytes.
  package func update(_ bytes: UnsafeRawBufferPointer) {
    #if canImport(CryptoKit)
      state.update(bufferPointer: bytes)
    #else
      guard let start = bytes.baseAddress else { return }
      precondition(EVP_DigestUpdate(state, start, bytes.count) == 1, "libcrypto failed")
    #endif
  }

  /// The hash of all bytes, after which no more can be added.
  package func finalize() -> [UInt8] {
    #if canImport(CryptoKit)
      return Array(state.finalize())
    #else
      return [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { bytes, count in
        precondition(EVP_DigestFinal_ex(state, bytes.baseAddress, nil) == 1, "libcrypto failed")
        count = SHA256.byteCount
      }
    #endif
  }

  /// The hash of bytes.
  package static func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let hash = SHA256()
    Array(bytes).withUnsafeBytes { hash.update($0) }
    return hash.finalize()
  }
}
